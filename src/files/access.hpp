// Who may read and write a file. What takes a file's place is neither more nor less accessible.

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"

namespace h5dcp {

struct Access {
  mode_t mode = 0;  // the nine bits for reading, writing and executing
  uid_t owner = 0;
  gid_t group = 0;
  Bytes list = {};  // the attribute system.posix_acl_access; empty if there is no list
};

// Returns the access of the file at `path`, or of what it leads to if it is a link; nullopt if
// there is no regular file. Throws Error{io} if it cannot be looked at.
std::optional<Access> access_at(const std::string& path);

// Returns the access of the folder of such a file: who may read the file may also search the
// folder. The owner may do everything.
Access for_folder(Access access);

// Gives the open file or folder `fd` that access as far as this process may, and never more. If it
// may not give the group, members of the group that the file has instead get no more than
// everybody. `needed` are bits that the mode has in any case.
void give(const Access& access, int fd, mode_t needed) noexcept;

// Takes from the owner what `access` doesn't allow, and a save in progress needs.
void give_finally(const Access& access, int fd) noexcept;

}  // namespace h5dcp
