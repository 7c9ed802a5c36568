/** @module The version of the bundled price data. */

/** The version of `@pydantic/genai-prices` these prices were checked with; a test compares it with the package. */
export const GENAI_PRICES_VERSION = "0.1.8";
