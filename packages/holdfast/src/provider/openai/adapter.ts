/** @module The adapter of OpenAI's API. */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { GuardSettings } from "../../guard/guard-settings.ts";
import type { ProviderAdapter } from "../adapter.ts";
import type { Bypass } from "../endpoint-class.ts";
import type { Body, RequestShape } from "../request/request-shape.ts";
import { describeUpload } from "../request/upload.ts";
import { classifyEndpoint, type MeteredEndpoint } from "./endpoint.ts";
import { openaiReader } from "./reader.ts";
import { shapeOfChat, shapeOfCompletion } from "./request/chat.ts";
import {
  shapeOfEmbedding,
  shapeOfImage,
  shapeOfModeration,
  shapeOfSpeech,
  shapeOfTranscription,
} from "./request/media.ts";
import { serverToolsOf, shapeOfResponse } from "./request/responses.ts";

export const openaiAdapter: ProviderAdapter<MeteredEndpoint> = {
  title: "OpenAI",
  classifyEndpoint,
  shapeOf(endpoint, body, settings) {
    refuseUnmeteredParts(settings, body);
    return shapeOf(endpoint, body, settings);
  },
  isFree: (endpoint) => endpoint === "moderations",
  reader: openaiReader,
};

function shapeOf(endpoint: MeteredEndpoint, body: Body, { estimator }: GuardSettings): RequestShape {
  switch (endpoint) {
    case "chat.completions":
      return shapeOfChat(body, estimator);
    case "completions":
      return shapeOfCompletion(body, estimator);
    case "responses":
    case "responses.compact":
    case "decisions":
      return shapeOfResponse(body, estimator, endpoint === "responses");
    case "embeddings":
      return shapeOfEmbedding(body, estimator);
    case "moderations":
      return shapeOfModeration(body);
    case "images.generations":
      return shapeOfImage(body, estimator, 0);
    case "images.edits":
    case "images.variations":
      return shapeOfImage(
        body,
        estimator,
        describeUpload(body, ["image", "image[]", "images", "mask"]).count,
      );
    case "audio.speech":
      return shapeOfSpeech(body, estimator);
    case "audio.transcriptions":
      return shapeOfTranscription(body, estimator, describeUpload(body, ["file"]), true);
    case "audio.translations":
      return shapeOfTranscription(body, estimator, describeUpload(body, ["file"]), false);
    case "batches":
      throw new CallNotBoundedError("What a batch may cost is in the file of its requests, not in this one.");
  }
}

/** Tools whose fees are neither in the usage nor in the price of the model. */
const UNMETERED_TOOLS: ReadonlyMap<string, Bypass> = new Map([
  ["image_generation", "agents"],
  ["code_interpreter", "containers"],
  ["shell", "containers"],
]);

function refuseUnmeteredParts({ allow }: GuardSettings, body: Body): void {
  for (const type of serverToolsOf(body)) {
    const bypass = UNMETERED_TOOLS.get(type);
    if (bypass === undefined || allow.has(bypass)) continue;
    throw new CallNotAllowedError(
      `The tool ${type} is billed apart from the model's usage. Leave it out, or allow it with allow: ["${bypass}"]; its own fee is then not counted.`,
    );
  }
}
