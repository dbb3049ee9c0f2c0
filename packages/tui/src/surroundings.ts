/** What the user's environment says of his terminal and his language. */
import { type Language, languageOf, LANGUAGES } from "@stratos/panels/language";
import { OperationError } from "@stratos/operation";
import { takesUtf8 } from "./terminal/plain-text.ts";
import type { ScreenLook } from "./terminal/screen.ts";

export interface Surroundings {
  readonly language: Language;
  readonly look: ScreenLook;
}

/**
 * @param language  that is wanted; absent: the environment's
 * @throws OperationError for a language that we do not speak
 */
export function surroundingsOf(
  environment: Readonly<Record<string, string | undefined>>,
  language: string | undefined,
): Surroundings {
  if (language !== undefined && !(language in LANGUAGES))
    throw new OperationError("option", "--language", `${language}: one of ${Object.keys(LANGUAGES).join(", ")}`);
  const { LANGUAGE, LC_ALL, LC_MESSAGES, LANG, NO_COLOR } = environment;
  const hasUtf8 = takesUtf8(environment);
  // LANGUAGE is heeded as by gettext: not where the locale is C.
  const locale = [LC_ALL, LC_MESSAGES, LANG].find((each) => each !== undefined && each !== "");
  const isC = locale === undefined || /^(C|POSIX)(\.|$)/.test(locale);
  const wanted = isC ? [] : [...(LANGUAGE ?? "").split(":"), locale];
  return {
    // In ASCII there is English alone.
    language: hasUtf8 ? ((language as Language | undefined) ?? languageOf(wanted)) : "en",
    look: { hasColours: NO_COLOR === undefined || NO_COLOR === "", hasUtf8 },
  };
}
