/** The script of a thread of futures (future-threads.ts). */
import { serveFutures } from "./serve-futures.ts";

serveFutures();
