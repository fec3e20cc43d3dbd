// What a person prefers: theme and language. Both change at once and are kept by the application.

import type { Boot, Platform, Theme } from "../platform/contract";
import { deskLanguage, language } from "../texts/language.svelte";

/** Text sizes in per cent, as browsers step through them. */
const STEPS: readonly number[] = [90, 100, 110, 125, 150, 175, 200];

export class Preferences {
  theme = $state<Theme>("system");
  /** How large everything is drawn, in per cent. */
  textSize = $state(100);
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Takes what was kept; where nothing was, what the desk has. */
  read(boot: Boot): void {
    language.current = boot.locale ?? deskLanguage();
    this.theme = boot.theme;
    this.textSize = boot.textSize;
    // A webview always begins at 100 %.
    if (boot.textSize !== 100) void this.#setTextSize(boot.textSize);
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
