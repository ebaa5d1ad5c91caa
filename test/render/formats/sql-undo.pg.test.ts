/** What -F sql --undo takes back, on the newest server; test/matrix/sql has the others. */
import { testUndo, testUndoOfWal } from "../../matrix/support/random-sql.ts";

testUndo(18);
testUndoOfWal(18);
