import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/browser/**", "node_modules/**"],
    testTimeout: 30_000,
    // What a listener throws is reported as uncaught: a test that wants that says so.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
