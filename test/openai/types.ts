/**
 * @module Compile-time checks, run by `tsc -p tsconfig.tests.json`: wrapping keeps the client's own type, for every
 * major, for Azure, and for the CJS copy of the types.
 */
import type OpenAI7 from "openai";
import type { AzureOpenAI as AzureOpenAI7 } from "openai";
import type OpenAI5 from "openai-v5";
import type { AzureOpenAI as AzureOpenAI5 } from "openai-v5";
import type OpenAI6 from "openai-v6";
import type { AzureOpenAI as AzureOpenAI6 } from "openai-v6";
import { attributed } from "holdfast";
import type { Holdfast } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Check<T extends true> = T;

declare const holdfast: Holdfast;
declare const client5: OpenAI5;
declare const client6: OpenAI6;
declare const client7: OpenAI7;
declare const azure5: AzureOpenAI5;
declare const azure6: AzureOpenAI6;
declare const azure7: AzureOpenAI7;

/** Never called. */
export function wrappedTypes(): unknown {
  const all = {
    client5: wrapOpenAI(client5, holdfast),
    client6: wrapOpenAI(client6, holdfast),
    client7: wrapOpenAI(client7, holdfast),
    azure5: wrapOpenAI(azure5, holdfast),
    azure6: wrapOpenAI(azure6, holdfast),
    azure7: wrapOpenAI(azure7, holdfast, { tenant: "acme" }, { provider: "azure" }),
  };
  type All = typeof all;
  type Kept = [
    Check<Equal<All["client5"], OpenAI5>>,
    Check<Equal<All["client6"], OpenAI6>>,
    Check<Equal<All["client7"], OpenAI7>>,
    Check<Equal<All["azure5"], AzureOpenAI5>>,
    Check<Equal<All["azure6"], AzureOpenAI6>>,
    Check<Equal<All["azure7"], AzureOpenAI7>>,
  ];
  const kept: Kept = [true, true, true, true, true, true];

  const body = { model: "gpt-5", messages: [{ role: "user" as const, content: "Hi" }] };
  const whole = all.client7.chat.completions.create(body);
  const bare = client7.chat.completions.create(body);
  const stream = all.client7.chat.completions.create({ ...body, stream: true });
  type Overloads = [
    Check<Equal<typeof whole, typeof bare>>,
    Check<
      Equal<
        Awaited<typeof stream> extends AsyncIterable<infer C> ? C : never,
        OpenAI7.Chat.ChatCompletionChunk
      >
    >,
    Check<Equal<Awaited<ReturnType<typeof whole.withResponse>>["data"], OpenAI7.Chat.ChatCompletion>>,
  ];
  const overloads: Overloads = [true, true, true];

  const options: OpenAI7.RequestOptions = attributed({ user: "u-42" }, { timeout: 1_000 });
  // @ts-expect-error a value of a tag is a string
  attributed({ user: 42 });
  // @ts-expect-error not a client
  wrapOpenAI({ chat: {} }, holdfast);
  return [kept, overloads, options];
}
