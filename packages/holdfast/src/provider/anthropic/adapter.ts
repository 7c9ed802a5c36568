/** @module The adapter of the Claude API, for one of the platforms that serve it. */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { GuardSettings } from "../../guard/guard-settings.ts";
import type { ProviderAdapter } from "../adapter.ts";
import type { Body } from "../request/request-shape.ts";
import { classifyEndpoint, type MeteredEndpoint } from "./endpoint.ts";
import type { Platform } from "./platform.ts";
import { createReader } from "./reader.ts";
import { shapeOfCompletion } from "./request/completion.ts";
import { shapeOfMessage } from "./request/message.ts";
import { toolsOf } from "./request/tools.ts";
import { Threads } from "./threads.ts";

/** @param threads of all locations that a client and its clones are at */
export function createAnthropicAdapter(
  platform: Platform,
  threads: Threads = new Threads(),
): ProviderAdapter<MeteredEndpoint> {
  return {
    title: "Anthropic",
    classifyEndpoint,
    shapeOf(endpoint, body, settings) {
      // The requests of a batch are shaped one by one (batch-input.ts).
      if (endpoint === "completions") return shapeOfCompletion(body, settings, platform);
      refuseUnmeteredParts(settings, body);
      return shapeOfMessage(body, settings, platform, threads);
    },
    reader: createReader(platform, threads),
  };
}

/**
 * Code execution is billed by the time of its container, which no answer states (platform.claude.com, code execution tool,
 * 2026-11).
 */
function refuseUnmeteredParts({ allow }: GuardSettings, body: Body): void {
  const tool = toolsOf(body).find(({ type }) => type.startsWith("code_execution"));
  if (tool === undefined || allow.has("containers")) return;
  throw new CallNotAllowedError(
    `The tool ${tool.type.slice(0, 60)} is billed apart from the model's usage. Leave it out, or allow it with allow: ["containers"]; its own fee is then not counted.`,
  );
}
