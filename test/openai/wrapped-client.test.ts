/** @module The wrapped client as an object: of the same class, beside the given one, wrapped once. */
import { ClientNotSupportedError } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { describe, expect, test } from "vitest";
import { allClientKinds, chatBody, rig } from "./harness.ts";
import type { ClientKind } from "./harness.ts";

/** `AzureOpenAI.withOptions` of openai before 7.11 forgets its version. */
const azure = (kind: ClientKind): object => (kind.azure ? { apiVersion: "2025-04-01-preview" } : {});

describe.each(allClientKinds)("$name, the client itself", (kind) => {
  test("is of the same class, by the same name", async () => {
    await using at = await rig({ kind });
    const { client, bare } = at;
    expect(client).toBeInstanceOf(kind.sdk.OpenAI);
    expect(client instanceof kind.sdk.AzureOpenAI).toBe(kind.azure);
    expect(client.constructor.name).toBe(bare.constructor.name);
    expect([client.baseURL, client.apiKey, client.maxRetries, client.timeout]).toEqual([
      bare.baseURL,
      bare.apiKey,
      bare.maxRetries,
      bare.timeout,
    ]);
    expect(client.chat.completions.constructor).toBe(bare.chat.completions.constructor);
  });

  test("leaves the given client as it was, unguarded", async () => {
    await using at = await rig({ kind });
    const before = Object.getPrototypeOf(at.bare) as object;
    await at.bare.chat.completions.create(chatBody());
    await at.quiet();
    expect(Object.getPrototypeOf(at.bare)).toBe(before);
    expect(at.events.all).toEqual([]);
  });

  test("is not wrapped twice, and nor is a clone of it", async () => {
    await using at = await rig({ kind });
    expect(() => wrapOpenAI(at.client, at.holdfast)).toThrow(ClientNotSupportedError);
    expect(() => wrapOpenAI(at.client.withOptions(azure(kind)), at.holdfast)).toThrow(/wrapped already/);
  });
});

test("what is not a client is refused in words", async () => {
  await using at = await rig();
  expect(() => wrapOpenAI({} as never, at.holdfast)).toThrow(ClientNotSupportedError);
  expect(() => wrapOpenAI({} as never, at.holdfast)).toThrow(/withOptions/);
  expect(() => wrapOpenAI(at.bare, {})).toThrow(/createHoldfast/);
});
