// What a person prefers: theme and language. Both change at once and are kept by the application.

import type { Boot, Platform, Theme } from "../platform/contract";
import { deskLanguage, language } from "../texts/language.svelte";

export class Preferences {
  theme = $state<Theme>("system");
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Takes what was kept; where nothing was, what the desk has. */
  read(boot: Boot): void {
    language.current = boot.locale ?? deskLanguage();
    this.theme = boot.theme;
  }

  get shownTheme(): "dark" | "light" {
    if (this.theme !== "system") return this.theme;
    return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  }

  toggleTheme(): void {
    this.theme = this.shownTheme === "dark" ? "light" : "dark";
    this.#keep();
  }

  toggleLanguage(): void {
    language.current = language.current === "ko" ? "en" : "ko";
    this.#keep();
  }

  #keep(): void {
    void this.#platform.setPreferences(language.current, this.theme).catch(() => {});
  }
}
