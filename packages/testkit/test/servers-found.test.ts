import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withFileLock } from "../src/servers/file-lock.ts";
import { ServerStartError, provideServers, sharedPostgresUrl, sharedRedisUrl } from "../src/servers/index.ts";
import { launchOnFreePort } from "../src/servers/launch-on-free-port.ts";
import { findPrograms } from "../src/servers/programs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-found-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("finding programs", () => {
  it("takes them from PATH first, and only from one folder that has them all", async () => {
    vi.stubEnv("PATH", `${folder}${delimiter}/usr/bin`);
    writeFileSync(join(folder, "env"), "", { mode: 0o755 });
    const search = { anyOf: [["env"]], debianPackage: "coreutils" };
    expect(await findPrograms(search, false)).toEqual([join(folder, "env")]);
    const both = { ...search, anyOf: [["env", "cat"]] };
    expect(await findPrograms(both, false)).toEqual(["/usr/bin/env", "/usr/bin/cat"]);
  });

  it("accepts the second choice, and knows Debian's folders without PATH", async () => {
    vi.stubEnv("PATH", "");
    const search = { anyOf: [["no-such-program"], ["env"]], debianPackage: "coreutils" };
    expect(await findPrograms(search, false)).toEqual(["/usr/bin/env"]);
  });

  it("says what to install and which variable to set", async () => {
    const search = {
      anyOf: [["no-such-server"]],
      debianPackage: "the-package",
      urlVariable: "HOLDFAST_TEST_SOME_URL",
    };
    const failed = findPrograms(search, false);
    await expect(failed).rejects.toThrow(/no-such-server.*the-package.*HOLDFAST_TEST_SOME_URL/);
  });
});

describe("a free port", () => {
  const taken = new ServerStartError("/server", "ended", "Could not bind: Address already in use");

  it("is replaced when somebody else was faster", async () => {
    const ports: number[] = [];
    const { port, launched } = await launchOnFreePort(undefined, (candidate) => {
      ports.push(candidate);
      return ports.length < 3 ? Promise.reject(taken) : Promise.resolve("running");
    });
    expect([ports.length, port, launched]).toEqual([3, ports[2], "running"]);
  });

  it("is not replaced for ever, nor when it was asked for, nor for another reason", async () => {
    let launches = 0;
    const fail = (error: Error) => (): Promise<never> => {
      launches += 1;
      return Promise.reject(error);
    };
    await expect(launchOnFreePort(undefined, fail(taken))).rejects.toBe(taken);
    await expect(launchOnFreePort(12_345, fail(taken))).rejects.toBe(taken);
    const other = new ServerStartError("/server", "ended", "Bad configuration");
    await expect(launchOnFreePort(undefined, fail(other))).rejects.toBe(other);
    expect(launches).toBe(5 + 1 + 1);
  });
});

describe("the lock", () => {
  it("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    };
    const path = join(folder, "lock");
    await Promise.all(Array.from({ length: 5 }, () => withFileLock(path, 1_000, work)));
    expect(most).toBe(1);
  });

  it("is given up when the work fails, taken over from the dead, and waited for in vain only so long", async () => {
    const path = join(folder, "lock");
    await expect(withFileLock(path, 100, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    writeFileSync(path, "4194999");
    expect(await withFileLock(path, 100, () => Promise.resolve("done"))).toBe("done");
    writeFileSync(path, String(process.pid));
    const waiting = withFileLock(path, 100, () => Promise.resolve("done"));
    await expect(waiting).rejects.toThrow(`held by process ${process.pid}`);
  });
});

describe("servers for a whole run", () => {
  it("takes the addresses of the environment and starts nothing", async () => {
    vi.stubEnv("HOLDFAST_TEST_REDIS_URL", "redis://elsewhere:1");
    vi.stubEnv("HOLDFAST_TEST_POSTGRES_URL", "postgres://elsewhere:2/x");
    const provided = new Map<string, string>();
    const teardown = await provideServers({ provide: (name, url) => void provided.set(name, url) });
    await teardown();
    expect(Object.fromEntries(provided)).toEqual({
      redisUrl: "redis://elsewhere:1",
      postgresUrl: "postgres://elsewhere:2/x",
    });
  });

  it("has no address without the variables", () => {
    vi.stubEnv("HOLDFAST_TEST_REDIS_URL", "");
    vi.stubEnv("HOLDFAST_TEST_POSTGRES_URL", undefined);
    expect([sharedRedisUrl(), sharedPostgresUrl()]).toEqual([undefined, undefined]);
  });

  it("stops the first server when the second cannot be had", { timeout: 180_000 }, async () => {
    vi.stubEnv("HOLDFAST_TEST_REDIS_URL", "");
    vi.stubEnv("HOLDFAST_TEST_POSTGRES_URL", "postgres://elsewhere:2/x");
    let redisUrl = "";
    const failed = provideServers({
      provide(name, url) {
        if (name === "postgresUrl") throw new Error("no second one");
        redisUrl = url;
      },
    });
    await expect(failed).rejects.toThrow("no second one");
    const { port } = new URL(redisUrl);
    const refused = await new Promise((resolve) => {
      connect(Number(port), "127.0.0.1")
        .once("connect", () => resolve(false))
        .once("error", () => resolve(true));
    });
    expect(refused).toBe(true);
  });
});
