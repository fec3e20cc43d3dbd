// What the .svelte files must not hold. Biome checks the rest, Prettier and svelte-check lay out and type these.

import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist", "src/**/generated", "**/*.ts", "**/*.js", "**/*.mjs"] },
  js.configs.recommended,
  ts.configs.strict,
  svelte.configs.recommended,
  {
    files: ["**/*.svelte"],
    languageOptions: { parserOptions: { parser: ts.parser } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // TypeScript knows every name, those of the browser too.
      "no-undef": "off",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "svelte/no-target-blank": "error",
    },
  },
);
