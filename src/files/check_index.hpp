// The checks that make the tables of an index values to rely on, whoever wrote them.

#pragma once

#include "files/index.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// So that what is allocated for a table is never more than the file has.
//
// Throws Error{corrupt} if the record contradicts itself.
void check_record(const Record& record);

// Checks each row of `tensors`, with what belongs to it in `names` and `shapes`. The tables are
// walked from beginning to end: a row's parts follow those of the row before it, and use up their
// tables, so that no two rows share any.
//
// Then the bytes that later code allocates are bounded by those of the file: docs/format.md, "What
// a file may ask for".
//
// Throws Error{corrupt}, which names the table and the row.
void check_rows(const Index& index);

}  // namespace h5dcp
