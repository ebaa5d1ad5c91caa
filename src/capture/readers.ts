/*
 * Captures: the saved bytes of a stream, in eight formats that are recognised by their contents.
 * Law: damage is reported with its offset. --keep-going continues behind it and trusts nothing that was skipped.
 * Way in: readers by format are here; wal/ reads the other input, segments of physical WAL.
 */

import type {
  CaptureFormat,
  CaptureReader,
  CaptureReaderOptions,
} from "./formats/capture-reader.ts";
import { CopyBinaryLayout } from "./formats/copy-binary.ts";
import { FrameReader } from "./formats/frame-reader.ts";
import { hexLines, splitCopyCsvLine, splitCopyTextLine } from "./formats/line-formats.ts";
import { LineReader } from "./formats/line-reader.ts";
import { NdjsonReader } from "./ndjson/reader.ts";
import { UnframedReader } from "./formats/unframed.ts";
import { WalctlLayout } from "./formats/walctl.ts";

/** Creates the reader for captures of `format`. */
export function createCaptureReader(
  format: CaptureFormat,
  options: CaptureReaderOptions,
): CaptureReader {
  switch (format) {
    case "walctl":
      return new FrameReader(new WalctlLayout(), options);
    case "recvlogical":
      return new UnframedReader("line feed", options);
    case "raw":
      return new UnframedReader("none", options);
    case "hex":
      return new LineReader(hexLines(), options);
    case "copy-text":
      return new LineReader(splitCopyTextLine, options);
    case "copy-csv":
      return new LineReader(splitCopyCsvLine, options);
    case "ndjson":
      return new NdjsonReader(options);
    case "copy-binary":
      return new FrameReader(new CopyBinaryLayout(), options);
  }
}
