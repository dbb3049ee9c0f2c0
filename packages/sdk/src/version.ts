/** The version of the published package; the bundler holds it to package.json's. */
export const VERSION = "0.1.0";
