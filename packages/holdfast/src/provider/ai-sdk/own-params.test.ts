import { describe, expect, it } from "vitest";
import { AttributionError } from "../../error/attribution-error.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import { ownParams } from "./own-params.ts";

describe("the options of a call", () => {
  it("are copied, and files, addresses, signals and headers are what they were", () => {
    const [bytes, url, abortSignal, date] = [
      new Uint8Array(3),
      new URL("https://a.b"),
      AbortSignal.abort(),
      new Date(0),
    ];
    const headers = { a: "b" };
    const given = {
      prompt: [{ content: [bytes, url, date, { deep: [1] }] }],
      abortSignal,
      headers,
      empty: undefined,
    };
    const { params } = ownParams(given);
    expect(params).toMatchObject(given);
    expect(Object.keys(params)).toEqual(Object.keys(given));
    expect(params.prompt).not.toBe(given.prompt);
    const [own] = params.prompt;
    expect(own!.content[0]).toBe(bytes);
    expect(own!.content[1]).toBe(url);
    expect(own!.content[2]).toBe(date);
    expect(own!.content[3]).not.toBe(given.prompt[0]!.content[3]);
    expect(params.abortSignal).toBe(abortSignal);
    expect(params.headers).toBe(headers);
  });

  it("may contain themselves, and pollute nothing", () => {
    const ring: Record<string, unknown> = { list: [] };
    (ring["list"] as unknown[]).push(ring);
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
    const { params } = ownParams({ prompt: [ring, hostile], providerOptions: {} });
    const [copy, other] = params.prompt as [Record<string, unknown[]>, object];
    expect(copy["list"]![0]).toBe(copy);
    expect(copy).not.toBe(ring);
    expect(Object.hasOwn(other, "__proto__")).toBe(true);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("give up what is ours, and keep what is the provider's", () => {
    const { params, perCall } = ownParams({
      providerOptions: { holdfast: { tenant: "acme" }, openai: { user: "u" } },
    });
    expect(perCall).toEqual({ tenant: "acme" });
    expect(params.providerOptions).toEqual({ openai: { user: "u" } });
    expect("providerOptions" in ownParams({ providerOptions: { holdfast: {} } }).params).toBe(false);
    expect(ownParams({ providerOptions: {} }).params.providerOptions).toEqual({});
  });

  it("cannot be taken twice, also when somebody has copied them", () => {
    const { params } = ownParams({ providerOptions: {} });
    expect(() => ownParams(params)).toThrow(ClientNotSupportedError);
    expect(() => ownParams({ ...params })).toThrow(ClientNotSupportedError);
  });

  it("name tags in an object", () => {
    expect(() => ownParams({ providerOptions: { holdfast: "acme" as never } })).toThrow(AttributionError);
  });
});
