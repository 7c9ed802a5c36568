/** A store without the conformance suite does not get in. */
import { globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "packages/holdfast/src/store");
const stores = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());

/** A test together with the files beside it that it imports: rigs and the like. */
const tests = globSync("{packages/*/{src,test},test}/**/*.test.ts", {
  cwd: root,
  exclude: (name) => name.includes("node_modules"),
}).map((path) => {
  const text = readFileSync(join(root, path), "utf8");
  const beside = [...text.matchAll(/from "(\.\/[^"]+\.ts)"/g)].map((match) =>
    join(root, dirname(path), match[1]!),
  );
  return { path, text: [text, ...beside.map((file) => readFileSync(file, "utf8"))].join("\n") };
});

/** The factory that each store's subpath exports. */
const FACTORIES: Readonly<Record<string, string>> = {
  memory: "memoryStore",
  sqlite: "sqliteStore",
  redis: "redisStore",
  postgres: "postgresStore",
  lease: "leased",
};

describe("every store", () => {
  it("is known here by its factory", () => {
    expect(stores.toSorted()).toEqual(Object.keys(FACTORIES).toSorted());
  });

  it.each(stores)("%s passes the store suite, in a test of its own", (name) => {
    const factory = new RegExp(`\\b${FACTORIES[name]}\\(`);
    const suites = tests.filter(({ text }) => /\bstoreSuite\(/.test(text) && factory.test(text));
    expect(suites.map(({ path }) => path)).not.toEqual([]);
  });

  it.each(stores)("%s skips nothing of the suite without a reason", (name) => {
    const factory = new RegExp(`\\b${FACTORIES[name]}\\(`);
    const skipping = tests.filter(({ text }) => factory.test(text) && /\bskip: \[(?!\])/.test(text));
    for (const { path, text } of skipping) expect(text, path).toMatch(/reason: "[^"]{20,}/);
  });
});
