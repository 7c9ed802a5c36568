/** @module What a step can script for Google's wire format alone. */

export interface GoogleStep {
  /** A `continuationToken` at the end, with finishReason "CONTINUATION": the SDK asks again with it. */
  readonly continuationToken?: string | undefined;
  /** In a stream: a checkpoint token "{continuationToken}" on content chunk n already, not only at the end. */
  readonly checkpointAtChunk?: number | undefined;
  /** Grounding with Google Search: bills and lists these queries. `webSearchRequests` defaults to their number. */
  readonly webSearchQueries?: readonly string[] | undefined;
  /** `groundingMetadata` as it is, over the one made from the queries. */
  readonly groundingMetadata?: object | undefined;
  /**
   * Which stream chunks carry `usageMetadata` (running totals). An interaction's deltas carry it only when this
   * says "every". @default "every"
   */
  readonly usageOn?: "every" | "last" | "first" | undefined;
  /** Vertex AI's `usageMetadata.trafficType`. @default "ON_DEMAND", or by the tier; the Gemini API has `serviceTier` instead */
  readonly trafficType?: string | undefined;
  /** Parts before the text, as they are: executable code and its result, inline data ... */
  readonly parts?: readonly object[] | undefined;
  /** Leaves out the lists of `*TokensDetails`. */
  readonly withoutDetails?: boolean | undefined;
  /** Embeddings report no usage, as the Gemini API did for long. */
  readonly withoutUsage?: boolean | undefined;
}
