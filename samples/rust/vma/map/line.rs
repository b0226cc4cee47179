// SPDX-License-Identifier: GPL-2.0

//! A VMA as a line of `/proc/PID/maps`.

use crate::text::Line;
use kernel::{
    fmt::Write,
    mm::vma::{
        ForeignVma,
        InodeId,
        VmaFlag, //
    },
    page::PAGE_SHIFT,
    prelude::*, //
};

/// The column of the name, counted from 0.
const NAME_COLUMN: usize = 25 + 6 * size_of::<usize>();

/// Writes the line of a VMA, or of its part from the address `from` on.
///
/// # Errors
///
/// `ENAMETOOLONG` if there is not enough room.
pub(crate) fn write(vma: &ForeignVma<'_>, from: usize, line: &mut Line<'_>) -> Result {
    let start = vma.start().max(from);
    let end = vma.end();

    let flags = vma.flags();
    let letter = |flag, is: char, is_not: char| if flags.contains(flag) { is } else { is_not };
    let (r, w, x, s) = (
        letter(VmaFlag::READ, 'r', '-'),
        letter(VmaFlag::WRITE, 'w', '-'),
        letter(VmaFlag::EXEC, 'x', '-'),
        // The kernel clears `SHARED` in shared mappings of files that are not open for writing.
        letter(VmaFlag::MAYSHARE, 's', 'p'),
    );

    let inode = vma.inode_id();
    let offset = match inode {
        Some(_) => ((vma.pgoff() as u64) << PAGE_SHIFT) + (start - vma.start()) as u64,
        None => 0,
    };
    let InodeId {
        major,
        minor,
        number,
    } = inode.unwrap_or(InodeId {
        major: 0,
        minor: 0,
        number: 0,
    });

    write!(
        line,
        "{start:08x}-{end:08x} {r}{w}{x}{s} {offset:08x} {major:02x}:{minor:02x} {number} "
    )
    .map_err(|_| ENAMETOOLONG)?;

    let without_name = line.len();
    line.pad_to(NAME_COLUMN - 1).map_err(|_| ENAMETOOLONG)?;
    line.write_char(' ').map_err(|_| ENAMETOOLONG)?;
    match vma.name(line.room())?.map(<[u8]>::len) {
        Some(len) => line.advance(len),
        None => line.truncate(without_name),
    }

    line.write_char('\n').map_err(|_| ENAMETOOLONG)
}
