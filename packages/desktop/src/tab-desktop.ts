import { fileURLToPath } from "node:url";

/** Sources of the desktop's page in a tab (`joinTab`); the published package has it joined already. */
export const TAB_DESKTOP = fileURLToPath(new URL("./tab", import.meta.url));
