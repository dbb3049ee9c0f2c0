/** What a person can set of a desktop, as the page and the server know it. */
export const LANGUAGES = { en: "English", de: "Deutsch", ja: "日本語" } as const;
export type Language = keyof typeof LANGUAGES;
export const THEMES = ["auto", "light", "dark"] as const;
/** As setxkbmap(1) takes them; the words are their own languages'. */
export const LAYOUTS = {
  us: "English (US)",
  gb: "English (UK)",
  de: "Deutsch",
  ch: "Deutsch (Schweiz)",
  fr: "Français",
  es: "Español",
  it: "Italiano",
  se: "Svenska",
  jp: "日本語",
} as const;
type Layout = keyof typeof LAYOUTS;
/** In hundredths. */
export const SCALES = [80, 100, 125, 150, 200] as const;
export const WORKSPACES_MAX = 9;
export const MONITORS_MAX = 8;
/** Minutes until a desktop that nobody touches locks itself; 0: it does not. */
export const IDLE_MINUTES = [0, 1, 5, 15, 30, 60] as const;

export interface DesktopSettings {
  readonly theme: (typeof THEMES)[number];
  readonly language: Language;
  readonly layout: Layout;
  readonly scale: number;
  /** Of all that the first monitor shows, in hundredths. */
  readonly zoom: number;
  readonly workspaces: number;
  /** Terminals tell a screen reader what they show. */
  readonly hasScreenReader: boolean;
  readonly hasContrast: boolean;
  /** Nothing moves by itself. */
  readonly isStill: boolean;
  readonly idleMinutes: number;
}

export const DEFAULT_SETTINGS: DesktopSettings = {
  theme: "auto",
  language: "en",
  layout: "us",
  scale: 100,
  zoom: 100,
  workspaces: 4,
  hasScreenReader: false,
  hasContrast: false,
  isStill: false,
  idleMinutes: 0,
};

/** @returns null: these are none */
export function settingsFrom(value: unknown): DesktopSettings | null {
  if (typeof value !== "object" || value === null) return null;
  const given = { ...DEFAULT_SETTINGS, ...value } as DesktopSettings;
  const { theme, language, layout, scale, zoom, workspaces, hasScreenReader, hasContrast, isStill, idleMinutes } =
    given;
  const isKnown =
    THEMES.includes(theme) &&
    Object.hasOwn(LANGUAGES, language) &&
    Object.hasOwn(LAYOUTS, layout) &&
    SCALES.some((each) => each === scale) &&
    SCALES.some((each) => each === zoom) &&
    Number.isInteger(workspaces) &&
    workspaces >= 1 &&
    workspaces <= WORKSPACES_MAX &&
    [hasScreenReader, hasContrast, isStill].every((each) => typeof each === "boolean") &&
    IDLE_MINUTES.some((each) => each === idleMinutes);
  const known = {
    theme,
    language,
    layout,
    scale,
    zoom,
    workspaces,
    hasScreenReader,
    hasContrast,
    isStill,
    idleMinutes,
  };
  return isKnown ? known : null;
}
