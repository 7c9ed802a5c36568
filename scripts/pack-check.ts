/**
 * Packs every package as it would be published, checks the tarballs (publint, attw), installs them into a fresh
 * project, and uses them there: ESM, require(esm), and TypeScript with `skipLibCheck: false` and no SDK installed.
 * Ends in the line `N passed, N failed`.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const work = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
const bin = (name: string): string => join(root, "node_modules", ".bin", name);
let passed = 0;
let failed = 0;

function check(what: string, verify: () => void): void {
  try {
    verify();
    passed += 1;
    console.log(`ok    ${what}`);
  } catch (error) {
    failed += 1;
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    console.log(`FAIL  ${what}\n${stdout?.toString() ?? ""}${stderr?.toString() ?? String(error)}`);
  }
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, stdio: "pipe", encoding: "utf8" });
}

try {
  run(bin("tsc"), ["-b"], root);
  const tarballs = new Map<string, string>();
  for (const name of readdirSync(join(root, "packages"))) {
    const out = join(work, name);
    mkdirSync(out);
    // The files that belong to the whole repository are part of each package.
    cpSync(join(root, "LICENSE"), join(root, "packages", name, "LICENSE"));
    try {
      run("npx", ["-y", "pnpm@12", "pack", "--pack-destination", out], join(root, "packages", name));
    } finally {
      rmSync(join(root, "packages", name, "LICENSE"));
    }
    const file = readdirSync(out).find((one) => one.endsWith(".tgz"));
    if (file === undefined) throw new Error(`pnpm pack made no tarball of ${name}`);
    const tarball = join(out, file);
    tarballs.set(name, tarball);
    check(`publint ${name}`, () => run(bin("publint"), ["run", tarball, "--strict"], root));
    check(`attw ${name}`, () => run(bin("attw"), [tarball, "--profile", "esm-only"], root));
  }

  const consumer = join(work, "consumer");
  mkdirSync(consumer);
  writeFileSync(
    join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  const installed = ["prices", "holdfast", "tokenizer"].map((name) => tarballs.get(name)!);
  run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...installed], consumer);

  writeFileSync(
    join(consumer, "esm.js"),
    `import { createHoldfast, HoldfastError } from "holdfast";
     import { wrapOpenAI } from "holdfast/openai";
     const holdfast = createHoldfast({ budgets: [{ id: "b", limit: { usd: "1" }, window: "day" }] });
     const [balance] = await holdfast.balances();
     if (balance.left.nanoUsd !== 1_000_000_000) throw new Error("wrong balance");
     try { wrapOpenAI({}, holdfast); throw new Error("wrapped nothing"); }
     catch (error) { if (!HoldfastError.isHoldfastError(error)) throw error; }`,
  );
  writeFileSync(
    join(consumer, "cjs.cjs"),
    `const { createHoldfast } = require("holdfast");
     const { wrapOpenAI } = require("holdfast/openai");
     if (typeof createHoldfast !== "function" || typeof wrapOpenAI !== "function") throw new Error("require failed");`,
  );
  writeFileSync(
    join(consumer, "types.ts"),
    `import { createHoldfast, type UsageRecord } from "holdfast";
     import { wrapOpenAI, type OpenAIClient } from "holdfast/openai";
     declare const client: OpenAIClient & { readonly mine: string };
     const holdfast = createHoldfast({ budgets: [] });
     holdfast.on("usage", (record: UsageRecord) => record.costNanoUsd);
     export const kept: string = wrapOpenAI(client, holdfast, { agent: "a" }).mine;
     // @ts-expect-error a client without withOptions is not an OpenAI client
     wrapOpenAI({}, holdfast);`,
  );
  const node = bin("node");
  check("ESM consumer", () => run(node, ["esm.js"], consumer));
  check("require(esm) consumer", () => run(node, ["cjs.cjs"], consumer));
  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    check(`types without an SDK, moduleResolution ${resolution}`, () =>
      run(
        bin("tsc"),
        [
          "--noEmit",
          "--strict",
          "--skipLibCheck",
          "false",
          "--target",
          "es2023",
          "--lib",
          "es2023",
          "--types",
          "",
          "--module",
          module,
          "--moduleResolution",
          resolution,
          "types.ts",
        ],
        consumer,
      ),
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
