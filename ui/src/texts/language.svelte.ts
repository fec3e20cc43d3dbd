// The language in use. Every text read in a component follows it.

import type { Locale } from "../platform/contract";
import { overwriteGetLocale } from "./generated/runtime";

let current = $state<Locale>("en");

overwriteGetLocale(() => current);

export const language = {
  get current(): Locale {
    return current;
  },
  set current(locale: Locale) {
    current = locale;
    document.documentElement.lang = locale;
  },
};

/** The language of the desk when the person has chosen none. */
export function deskLanguage(): Locale {
  return navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";
}
