/** The version of the published package; the bundler and the tidy check hold it to package.json's. */
export const VERSION = "0.1.0";
