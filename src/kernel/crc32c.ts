/** AssemblyScript: CRC-32C (src/wal/pages/crc32c), sixteen bytes at a time by tables, which are where the memory begins. */

const TABLE_BYTES: usize = 1024;
/** Behind the tables. */
const DATA: usize = 16 * TABLE_BYTES;

/** What the four bytes of a word do to the checksum, `table` bytes before the end of the step. */
@inline
function effect(word: u32, table: usize): u32 {
  return (
    load<u32>((table + 3) * TABLE_BYTES + ((word << 2) & 0x3fc)) ^
    load<u32>((table + 2) * TABLE_BYTES + ((word >> 6) & 0x3fc)) ^
    load<u32>((table + 1) * TABLE_BYTES + ((word >> 14) & 0x3fc)) ^
    load<u32>(table * TABLE_BYTES + ((word >> 22) & 0x3fc))
  );
}

/** Continues the checksum `crc`, which is not inverted. Offsets count from the end of the tables. */
export function checksumAfter(crc: u32, start: usize, end: usize): u32 {
  let after = crc;
  let p = start;
  for (; p + 16 <= end; p += 16) {
    after =
      effect(load<u32>(p, DATA) ^ after, 12) ^
      effect(load<u32>(p, DATA + 4), 8) ^
      effect(load<u32>(p, DATA + 8), 4) ^
      effect(load<u32>(p, DATA + 12), 0);
  }
  for (; p + 4 <= end; p += 4) after = effect(load<u32>(p, DATA) ^ after, 0);
  for (; p < end; p++) {
    after = (after >>> 8) ^ load<u32>(((after ^ load<u8>(p, DATA)) << 2) & 0x3fc);
  }
  return after;
}
