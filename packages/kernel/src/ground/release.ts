/** What uname(2) says: programs compare the release with what they need. */
export const RELEASE = "6.12.48-stratos";
export const VERSION = "#1 Stratos";
