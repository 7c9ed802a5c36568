/** @module The usage of an interaction; its reader is shared with other ways to the same API. */
export { readInteractionUsage } from "../usage/interaction-usage.ts";
