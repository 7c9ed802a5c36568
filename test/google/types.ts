/**
 * @module Compile-time checks, run by `tsc -p tsconfig.tests.json`: wrapping keeps the client's own type, with its
 * overloads and inference, for every SDK.
 */
import type { GenerateContentResponse, GoogleGenAI } from "@google/genai";
import type { GoogleGenerativeAI } from "@google/generative-ai";
import type { GoogleGenAI as GoogleGenAI2 } from "google-genai-v2";
import { attributed } from "holdfast";
import type { Holdfast } from "holdfast";
import { wrapGoogle } from "holdfast/google";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Check<T extends true> = T;

declare const holdfast: Holdfast;
declare const client3: GoogleGenAI;
declare const client2: GoogleGenAI2;
declare const older: GoogleGenerativeAI;

/** Never called. */
export function wrappedTypes(): unknown {
  const all = {
    client3: wrapGoogle(client3, holdfast),
    client2: wrapGoogle(client2, holdfast, { tenant: "acme" }),
    older: wrapGoogle(older, holdfast, {}, { exactInputTokens: true }),
  };
  type All = typeof all;
  const kept: [
    Check<Equal<All["client3"], GoogleGenAI>>,
    Check<Equal<All["client2"], GoogleGenAI2>>,
    Check<Equal<All["older"], GoogleGenerativeAI>>,
  ] = [true, true, true];

  const request = { model: "gemini-2.5-flash", contents: "Hi" };
  const whole = all.client3.models.generateContent(request);
  const stream = all.client3.models.generateContentStream(request);
  const chat = all.client3.chats.create({ model: "gemini-2.5-flash" });
  const interaction = all.client3.interactions.create({ model: "gemini-2.5-flash", input: "Hi" });
  const bareInteraction = client3.interactions.create({ model: "gemini-2.5-flash", input: "Hi" });
  const inferred: [
    Check<Equal<Awaited<typeof whole>, GenerateContentResponse>>,
    Check<Equal<Awaited<typeof stream>, AsyncGenerator<GenerateContentResponse>>>,
    Check<Equal<Awaited<ReturnType<typeof chat.sendMessage>>, GenerateContentResponse>>,
    Check<Equal<typeof interaction, typeof bareInteraction>>,
  ] = [true, true, true, true];

  const config = attributed({ user: "u-42" }, { maxOutputTokens: 100 });
  const perCall = all.client3.models.generateContent({ ...request, config });
  // @ts-expect-error not a client
  wrapGoogle({ models: {} }, holdfast);
  return [kept, inferred, perCall];
}
