/** @module The adapter of Google's APIs: the Gemini API and Vertex AI. */
import { CallNotBoundedError } from "../../error/call-not-bounded-error.ts";
import type { ProviderAdapter } from "../adapter.ts";
import { classifyEndpoint, type MeteredEndpoint } from "./endpoint.ts";
import { googleReader } from "./reader.ts";
import { shapeOfEmbedding, shapeOfPrediction } from "./request/embeddings.ts";
import { shapeOfGeneration } from "./request/generate-content.ts";
import { shapeOfInteraction } from "./request/interactions.ts";

/** The model is in the path, not in the body: bodies are given with it as `model`. */
export const googleAdapter: ProviderAdapter<MeteredEndpoint> = {
  title: "Google",
  classifyEndpoint,
  shapeOf(endpoint, body, settings) {
    switch (endpoint) {
      case "generateContent":
        return shapeOfGeneration(body, settings, false);
      case "streamGenerateContent":
        return shapeOfGeneration(body, settings, true);
      case "embedContent":
      case "batchEmbedContents":
        return shapeOfEmbedding(body, settings.estimator);
      case "predict":
        return shapeOfPrediction(body, settings.estimator);
      case "interactions":
        return shapeOfInteraction(body, settings);
      case "batches":
        throw new CallNotBoundedError("What a batch may cost is in its requests: see batch-input.ts.");
    }
  },
  reader: googleReader,
};
