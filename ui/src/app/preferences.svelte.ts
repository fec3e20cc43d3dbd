// What a person prefers: theme, language, text size, and what screens keep for this seat. All changes at once and is kept by
// the application.

import type { Boot, Platform, Theme } from "../platform/contract";
import type { Seat } from "../screens/screen";
import { deskLanguage, language } from "../texts/language.svelte";

/** Text sizes in per cent, as browsers step through them. */
const STEPS: readonly number[] = [90, 100, 110, 125, 150, 175, 200];

export class Preferences implements Seat {
  theme = $state<Theme>("system");
  /** How large everything is drawn, in per cent. */
  textSize = $state(100);
  /** What the seat keeps, by name. */
  #kept = $state.raw<Readonly<Record<string, unknown>>>({});
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Takes what was kept; where nothing was, what the desk has. */
  read(boot: Boot): void {
    language.current = boot.locale ?? deskLanguage();
    this.theme = boot.theme;
    this.textSize = boot.textSize;
    this.#kept = Object.fromEntries(Object.entries(boot.kept).map(([key, json]) => [key, parsed(json)]));
    // A webview always begins at 100 %.
    if (boot.textSize !== 100) void this.#setTextSize(boot.textSize);
  }

  get shownTheme(): "dark" | "light" {
    if (this.theme !== "system") return this.theme;
    return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  }

  get(key: string): unknown {
    return this.#kept[key];
  }

  keep(key: string, value: unknown): void {
    this.#kept = { ...this.#kept, [key]: value };
    // What can't be kept holds as long as the window is there.
    void this.#platform.keepAtSeat(key, JSON.stringify(value)).catch(() => {});
  }

  toggleTheme(): void {
    this.theme = this.shownTheme === "dark" ? "light" : "dark";
    this.#keep();
  }

  toggleLanguage(): void {
    language.current = language.current === "ko" ? "en" : "ko";
    this.#keep();
  }

  /** Draws everything larger, smaller, or as usual (0). */
  zoom(step: 1 | -1 | 0): void {
    const at = STEPS.findIndex((percent) => percent >= this.textSize);
    const next = step === 0 ? 100 : (STEPS[at + step] ?? this.textSize);
    void this.#setTextSize(next);
  }

  async #setTextSize(percent: number): Promise<void> {
    this.textSize = await this.#platform.setTextSize(percent).catch(() => this.textSize);
  }

  #keep(): void {
    void this.#platform.setPreferences(language.current, this.theme).catch(() => {});
  }
}

/** What is no JSON counts as nothing; it stays where it is until something else is kept there. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
