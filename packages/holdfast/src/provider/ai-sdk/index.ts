/**
 * Models of the Vercel AI SDK (ai 6 and 7) under hard budgets.
 *
 * The SDK has a hook for language, embedding and image models. It has none for speech, transcription, video, reranking,
 * realtime and batches: what is called through those is not seen here. Use the provider's own client for them, wrapped.
 *
 * @module
 */
export type { Bypass } from "../endpoint-class.ts";
export type { HoldfastMiddlewareOptions } from "./guarded-model.ts";
export { holdfastEmbeddingMiddleware, holdfastImageMiddleware, holdfastMiddleware } from "./middleware.ts";
export type {
  CallOptionsLike,
  EmbeddingCallOptions,
  HoldfastEmbeddingMiddleware,
  HoldfastImageMiddleware,
  HoldfastLanguageMiddleware,
  ImageCallOptions,
  LanguageCallOptions,
  ModelLike,
  StreamResultLike,
} from "./sdk-types.ts";
