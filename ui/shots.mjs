// Takes a picture of every scene: both languages, both themes, and the sizes that people have. Into ../target/shots.
// `--size NAME` takes only that size; names of scenes take only those.

import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { build, createServer, preview } from "vite";

/** Width and height in CSS pixels, and how many pixels of the screen are one of these: the last two are text sizes. */
const SIZES = {
  "1280x800": [1280, 800, 1],
  "1920x1080": [1920, 1080, 1],
  "150percent": [853, 533, 1.5],
  "200percent": [640, 400, 2],
};
const into = new URL("../target/shots/", import.meta.url).pathname;
const built = new URL("../target/shots-page/", import.meta.url).pathname;
const { positionals: wanted, values } = parseArgs({
  allowPositionals: true,
  options: { size: { type: "string" } },
});

if (values.size !== undefined && !(values.size in SIZES))
  throw new Error(`there is no size ${values.size}; there are ${Object.keys(SIZES).join(", ")}`);

await mkdir(into, { recursive: true });
const server = await createServer({ logLevel: "error", server: { middlewareMode: true, ws: false } });
const { SCENES } = await server.ssrLoadModule("/src/test/scenes.ts");
await server.close();

// Built once: a page of many modules takes seconds to load.
await build({
  logLevel: "error",
  build: { outDir: built, emptyOutDir: true, minify: false, rolldownOptions: { input: "dev.html" } },
});
const pages = await preview({
  logLevel: "error",
  build: { outDir: built },
  preview: { host: "127.0.0.1", port: 0 },
});
const address = pages.resolvedUrls?.local[0] ?? "";
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
let taken = 0;
try {
  const scenes = wanted.length === 0 ? Object.keys(SCENES) : wanted;
  for (const [size, [width, height, deviceScaleFactor]] of Object.entries(SIZES)) {
    if (values.size !== undefined && values.size !== size) continue;
    for (const lang of ["ko", "en"]) {
      // As the system's language: it counts until the application has said which one is wanted.
      const locale = lang === "ko" ? "ko-KR" : "en-US";
      const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor, locale });
      const page = await context.newPage();
      for (const scene of scenes) {
        await page.goto(`${address}dev.html?scene=${scene}&lang=${lang}`);
        await page.waitForSelector("html[data-scene=played]", { state: "attached" }).catch((thrown) => {
          throw new Error(`the scene ${scene} does not come to its end`, { cause: thrown });
        });
        for (const theme of ["dark", "light"]) {
          await page.evaluate((theme) => {
            document.documentElement.dataset.theme = theme;
            return new Promise((next) => requestAnimationFrame(() => setTimeout(next, 0)));
          }, theme);
          await page.screenshot({ path: `${into}${scene}-${lang}-${theme}-${size}.png` });
          taken += 1;
        }
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await pages.close();
}
console.log(`${taken} pictures in target/shots`);
