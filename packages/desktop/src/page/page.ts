/** The page of `stratos desktop`. */
import { showDesktop } from "./desktop-page.ts";

void showDesktop();
