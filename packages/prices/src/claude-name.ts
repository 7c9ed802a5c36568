/** @module What a Claude model's name says, however the Claude API, Bedrock, Google Cloud and Foundry spell it. */

export interface ClaudeName {
  /** "opus", "sonnet", "haiku", "fable", "mythos"; "" for Claude 2 and earlier. */
  readonly family: string;
  /** 100 x major + minor: 405 for 4.5. 0 for a name without a number, such as `claude-mythos-preview`. */
  readonly version: number;
}

/** `claude-opus-4-8`, `claude-opus-4.8`, `us.anthropic.claude-opus-4-20250514-v1:0`, `claude-sonnet-4@20250514`. */
const FAMILY_FIRST =
  /(?:^|[./])claude-(?!instant)([a-z]{3,12})-(?:(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)|[a-z])/;
/** `claude-3-5-haiku-20241022`, `claude-3-opus-20240229`, `claude-4.6-opus`. */
const VERSION_FIRST = /(?:^|[./])claude-(\d{1,2})(?:[-.](\d{1,2}))?-([a-z]{3,12})/;
/** `claude-2.1`, `claude-v2`, `claude-instant-1.2`. */
const BEFORE_FAMILIES = /(?:^|[./])claude-(?:instant|v?[12](?!\d))/;

/** Undefined for a name that is not of a Claude model. */
export function parseClaudeName(model: string): ClaudeName | undefined {
  const familyFirst = FAMILY_FIRST.exec(model);
  if (familyFirst !== null) {
    const [, family = "", major = "0", minor = "0"] = familyFirst;
    return { family, version: Number(major) * 100 + Number(minor) };
  }
  const versionFirst = VERSION_FIRST.exec(model);
  if (versionFirst !== null) {
    const [, major, minor = "0", family = ""] = versionFirst;
    return { family, version: Number(major) * 100 + Number(minor) };
  }
  return BEFORE_FAMILIES.test(model) ? { family: "", version: 200 } : undefined;
}
