/** Every provider folder has the same shape, none reaches into another, and none is without the suite. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { matrix, supportedClientsTable } from "../providers/matrix.ts";

const root = resolve(import.meta.dirname, "../..");
const providers = join(root, "packages/holdfast/src/provider");
const isProvider = (name: string): boolean => existsSync(join(providers, name, "index.ts"));
const folders = readdirSync(providers, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && isProvider(entry.name))
  .map(({ name }) => name);
const read = (path: string): string => readFileSync(path, "utf8");

describe.each(folders)("provider/%s", (folder) => {
  const path = join(providers, folder);
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );

  it("imports nothing of another provider", () => {
    const strays = files.flatMap((file) =>
      [...read(join(path, file)).matchAll(/from "(\.[^"]+)"/g)]
        .map((match) => relative(providers, resolve(dirname(join(path, file)), match[1]!)))
        .filter((target) => folders.some((other) => other !== folder && target.startsWith(`${other}/`)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(strays).toEqual([]);
  });

  it("is an entry point of the package", () => {
    const { exports } = JSON.parse(read(join(root, "packages/holdfast/package.json"))) as { exports: object };
    expect(Object.keys(exports)).toContain(`./${folder}`);
  });

  it("passes the provider suite", () => {
    const suite = read(join(root, "test/providers", `${folder}.test.ts`));
    expect(suite).toContain("providerSuite(");
    expect(matrix.some(({ suite: file }) => file === `${folder}.test.ts`)).toBe(true);
  });
});

describe("providers that read a wire format", () => {
  it.each(folders.filter((folder) => folder !== "ai-sdk"))("%s has the files of the shape", (folder) => {
    const missing = ["adapter.ts", "endpoint.ts", "reader.ts", "index.ts", `wrap-${folder}.ts`].filter(
      (file) => !existsSync(join(providers, folder, file)),
    );
    expect(missing).toEqual([]);
    expect(read(join(providers, folder, "adapter.ts"))).toMatch(/: ProviderAdapter</);
  });
});

describe("the README's table of supported clients", () => {
  const cells = (table: string): string[][] =>
    table
      .split("\n")
      .filter((line) => line.startsWith("|") && !/^\|[\s-|]+$/.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim()));

  it("is the one that the matrix makes (node --conditions=holdfast-source scripts/supported-clients.ts)", () => {
    const readme = read(join(root, "README.md"));
    const table = /<!-- begin: supported clients[^>]*-->([\s\S]*?)<!-- end: supported clients -->/.exec(
      readme,
    )?.[1];
    expect(cells(table ?? "")).toEqual(cells(supportedClientsTable()));
  });
});
