import { svelte } from "@sveltejs/vite-plugin-svelte";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

// The system's Chromium: the tests need no browser of their own.
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
];

export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 5173, strictPort: false },
  build: { target: "es2022", chunkSizeWarningLimit: 600 },
  test: {
    include: ["src/**/*.test.ts"],
    passWithNoTests: false,
    // Generous: a shared machine may be busy; a test waits on conditions, never on time.
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      api: { host: "127.0.0.1" },
      provider: playwright({ launchOptions: { executablePath: chromium, args: quiet } }),
      instances: [{ browser: "chromium", viewport: { width: 1440, height: 900 } }],
    },
  },
});
