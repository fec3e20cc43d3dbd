// The language in use. Every text read in a component follows it.

import type { Locale } from "../platform/contract";
import { overwriteGetLocale } from "./generated/runtime";

/** Until the person is known, that of the desk: a start that fails is told in it. */
let current = $state<Locale>(deskLanguage());

/** While a text is made in another language than the one in use. */
let instead: Locale | null = null;

overwriteGetLocale(() => instead ?? current);

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

/** A text in every language, one a line: what people may type for it. */
export function inAllLanguages(text: () => string): string {
  try {
    return (["ko", "en"] as const)
      .map((locale) => {
        instead = locale;
        return text();
      })
      .join("\n");
  } finally {
    instead = null;
  }
}
