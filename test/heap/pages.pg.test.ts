/** Rows read from the pages of real tables are printed as `walctl tail` prints the same rows. */
import { compareOnPages } from "./support/pages.ts";

compareOnPages(18);
