/**
 * @module Compile-time checks, run by `tsc -p tsconfig.tests.json`: wrapping keeps the client's own type, for every
 * version and every platform.
 */
import type { AnthropicBedrock, AnthropicBedrockMantle } from "@anthropic-ai/bedrock-sdk";
import type { AnthropicFoundry } from "@anthropic-ai/foundry-sdk";
import type Anthropic1 from "@anthropic-ai/sdk";
import type { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import type Anthropic101 from "anthropic-v0-101";
import type Anthropic60 from "anthropic-v0-60";
import { attributed } from "holdfast";
import type { Holdfast } from "holdfast";
import { wrapAnthropic } from "holdfast/anthropic";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Check<T extends true> = T;

declare const holdfast: Holdfast;
declare const client60: Anthropic60;
declare const client101: Anthropic101;
declare const client1: Anthropic1;
declare const bedrock: AnthropicBedrock;
declare const mantle: AnthropicBedrockMantle;
declare const vertex: AnthropicVertex;
declare const foundry: AnthropicFoundry;

/** Never called. */
export function wrappedTypes(): unknown {
  const all = {
    client60: wrapAnthropic(client60, holdfast),
    client101: wrapAnthropic(client101, holdfast),
    client1: wrapAnthropic(
      client1,
      holdfast,
      { tenant: "acme" },
      { provider: "anthropic", exactInputTokens: true },
    ),
    bedrock: wrapAnthropic(bedrock, holdfast),
    mantle: wrapAnthropic(mantle, holdfast),
    vertex: wrapAnthropic(vertex, holdfast),
    foundry: wrapAnthropic(foundry, holdfast),
  };
  type All = typeof all;
  type Kept = [
    Check<Equal<All["client60"], Anthropic60>>,
    Check<Equal<All["client101"], Anthropic101>>,
    Check<Equal<All["client1"], Anthropic1>>,
    Check<Equal<All["bedrock"], AnthropicBedrock>>,
    Check<Equal<All["mantle"], AnthropicBedrockMantle>>,
    Check<Equal<All["vertex"], AnthropicVertex>>,
    Check<Equal<All["foundry"], AnthropicFoundry>>,
  ];
  const kept: Kept = [true, true, true, true, true, true, true];

  const body = {
    model: "claude-opus-5",
    max_tokens: 10,
    messages: [{ role: "user" as const, content: "Hi" }],
  };
  const whole = all.client1.messages.create(body);
  const bare = client1.messages.create(body);
  const stream = all.client1.messages.create({ ...body, stream: true });
  type Overloads = [
    Check<Equal<typeof whole, typeof bare>>,
    Check<
      Equal<
        Awaited<typeof stream> extends AsyncIterable<infer C> ? C : never,
        Anthropic1.Messages.RawMessageStreamEvent
      >
    >,
    Check<Equal<Awaited<ReturnType<typeof whole.withResponse>>["data"], Anthropic1.Messages.Message>>,
  ];
  const overloads: Overloads = [true, true, true];

  const options: Anthropic1.RequestOptions = attributed({ user: "u-42" }, { timeout: 1_000 });
  // @ts-expect-error not a client
  wrapAnthropic({ messages: {} }, holdfast);
  return [kept, overloads, options];
}
