// Numbers, times and spans as people read them; times in the zone of their center.

import type { Locale } from "../platform/contract";
import { m } from "./generated/messages";

const MINUTE_MS = 60_000;

/** Rows share minutes, so a small memory of formatted ones spares the formatter. Enough for two days. */
const REMEMBERED_MINUTES = 2_880;

/** Times of a zone. */
export class ZoneClock {
  readonly #minute: Intl.DateTimeFormat;
  readonly #second: Intl.DateTimeFormat;
  readonly #minutes = new Map<number, string>();

  constructor(timeZone: string) {
    this.#minute = clock(timeZone, { hour: "2-digit", minute: "2-digit" });
    this.#second = clock(timeZone, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  }

  /** `hh:mm`, or nothing for an instant that is not reached. */
  minute(at: number | null): string {
    if (at === null) return "";
    const minute = Math.floor(at / MINUTE_MS);
    const known = this.#minutes.get(minute);
    if (known !== undefined) return known;
    if (this.#minutes.size >= REMEMBERED_MINUTES) this.#minutes.clear();
    const text = this.#minute.format(minute * MINUTE_MS);
    this.#minutes.set(minute, text);
    return text;
  }

  /** `hh:mm:ss`. */
  second(at: number): string {
    return this.#second.format(at);
  }
}

function clock(timeZone: string, parts: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-GB", { ...parts, hourCycle: "h23", timeZone });
  } catch {
    // A zone that this machine doesn't know.
    return new Intl.DateTimeFormat("en-GB", { ...parts, hourCycle: "h23", timeZone: "Asia/Seoul" });
  }
}

const numbers: Record<Locale, Intl.NumberFormat> = {
  ko: new Intl.NumberFormat("ko-KR"),
  en: new Intl.NumberFormat("en-GB"),
};

export function count(n: number, locale: Locale): string {
  return numbers[locale].format(n);
}

const signs: Record<Locale, Intl.NumberFormat> = {
  ko: new Intl.NumberFormat("ko-KR", { signDisplay: "exceptZero" }),
  en: new Intl.NumberFormat("en-GB", { signDisplay: "exceptZero" }),
};

/** A difference, with its sign. */
export function signed(n: number, locale: Locale): string {
  return signs[locale].format(n);
}

/** Kilometres with one decimal. */
export function kilometres(metres: number): string {
  return (metres / 1000).toFixed(1);
}

/** Bytes with a unit that keeps the number short (1 kB = 1000 B). */
export function bytes(n: number): string {
  if (n < 1_000) return `${n} B`;
  if (n < 1_000_000) return `${(n / 1_000).toFixed(n < 10_000 ? 1 : 0)} kB`;
  return `${(n / 1_000_000).toFixed(n < 10_000_000 ? 1 : 0)} MB`;
}

/** As many minutes as a narrow column holds. */
const MINUTES_MOST = 999;

/** Elapsed time in minutes, as targets are; in whole hours where that would be too many. */
export function elapsed(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes <= MINUTES_MOST) return m.minutes({ count: minutes });
  return m.hours({ count: Math.floor(minutes / 60) });
}

/** Minutes to a target; past it with a minus. */
export function left(ms: number): string {
  if (ms >= 0) return elapsed(ms);
  return m.minus({ time: elapsed(-ms + MINUTE_MS - 1) });
}

/** How old something is, in words. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 90) return m.age_seconds({ count: seconds });
  if (seconds < 90 * 60) return m.age_minutes({ count: Math.floor(seconds / 60) });
  return m.age_hours({ count: Math.floor(seconds / 3600) });
}

/** The beginning of a text that is longer than so many characters. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most).join("")}…`;
}

/** A zone as people name it: its city. */
export function zoneName(timeZone: string, locale: Locale): string {
  if (timeZone === "Asia/Seoul") return locale === "ko" ? "서울" : "Seoul";
  return (timeZone.split("/").at(-1) ?? "").replaceAll("_", " ");
}
