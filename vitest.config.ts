import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const resolve = { conditions: ["holdfast-source", "module", "node", "development|production"] };
const packages = ["prices", "holdfast", "tokenizer", "testkit"];

export default defineConfig({
  ssr: { resolve },
  // The environment in which Vitest loads global setup files.
  environments: { __vitest__: { resolve } },
  test: {
    setupFiles: [fileURLToPath(new URL("scripts/property-seed.ts", import.meta.url))],
    // Tests of stores wait for servers and processes more than they compute.
    maxWorkers: "100%",
    reporters: ["default", "./scripts/plain-reporter.ts"],
    projects: [
      ...packages.map((name) => ({
        extends: true as const,
        test: {
          name,
          root: `packages/${name}`,
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          // Properties run hundreds of cases, and the machine may be busy with other tests.
          testTimeout: 30_000,
        },
      })),
      {
        extends: true as const,
        test: {
          name: "workspace",
          root: "test",
          include: ["**/*.test.ts"],
          exclude: [...configDefaults.exclude, "stores/**"],
          testTimeout: 30_000,
        },
      },
      {
        extends: true as const,
        test: {
          name: "stores",
          root: "test/stores",
          include: ["**/*.test.ts"],
          globalSetup: ["global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
    coverage: { provider: "v8" as const, include: ["packages/*/src/**"] },
  },
});
