/** Every example runs as its own process, without a key, and ends well. */
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { startRedis } from "@holdfast/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
// The demo is a command of its own, and part of CI as such.
const examples = globSync("examples/*/main.ts", { cwd: root }).filter((path) => !path.includes("demo"));

let redis: Awaited<ReturnType<typeof startRedis>>;
beforeAll(async () => {
  redis = await startRedis();
}, 120_000);
afterAll(async () => redis?.stop());

describe("an example", () => {
  it("is found", () => expect(examples.length).toBeGreaterThanOrEqual(4));

  it.each(examples)("%s runs without a key", { timeout: 60_000 }, async (path) => {
    const env: NodeJS.ProcessEnv = { ...process.env, REDIS_URL: redis.url };
    delete env["OPENAI_API_KEY"];
    // Rejects when it ends with anything but 0.
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=holdfast-source", path], {
      cwd: root,
      env,
    });
    expect(stdout).not.toBe("");
    expect(stdout).not.toContain("WRONG");
  });
});
