import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { hearIdleErrors, queryOf, type PostgresClient } from "./client.ts";

describe("the client", () => {
  it("may be a pool: text and parameters, and no name for the statement", async () => {
    const seen: unknown[] = [];
    const query = queryOf({
      query: async (...args) => {
        seen.push(args);
        return { rows: [{ one: "1" }] };
      },
    });
    expect(await query("SELECT $1", ["1", null])).toEqual([{ one: "1" }]);
    expect(seen).toEqual([["SELECT $1", ["1", null]]]);
  });

  it("may be a function with `unsafe`, which is told not to prepare", async () => {
    const seen: unknown[] = [];
    const sql = Object.assign(() => {}, {
      unsafe: async (...args: unknown[]) => {
        seen.push(args);
        return [{ one: "1" }];
      },
    });
    expect(await queryOf(sql)("SELECT $1", ["1"])).toEqual([{ one: "1" }]);
    expect(seen).toEqual([["SELECT $1", ["1"], { prepare: false }]]);
  });

  it.each([{}, { query: "SELECT" }, () => {}, { unsafe: true }])("may be nothing else (%o)", (client) => {
    expect(() => queryOf(client as unknown as PostgresClient)).toThrow(StoreSetupError);
  });
});

describe("errors of idle connections", () => {
  const pool = (): EventEmitter & PostgresClient =>
    Object.assign(new EventEmitter(), { query: async () => ({ rows: [] }) });

  it("do not end the process, until the store is closed", () => {
    const client = pool();
    const stop = hearIdleErrors(client);
    expect(() => client.emit("error", new Error("terminated"))).not.toThrow();
    stop();
    expect(() => client.emit("error", new Error("terminated"))).toThrow("terminated");
  });

  it("are left to the application if it listens", () => {
    const client = pool();
    client.on("error", () => {});
    const stop = hearIdleErrors(client);
    expect(client.listenerCount("error")).toBe(1);
    stop();
    expect(client.listenerCount("error")).toBe(1);
  });

  it("are no matter for clients without events", () => {
    hearIdleErrors({ query: async () => ({ rows: [] }) })();
  });
});
