// SPDX-License-Identifier: GPL-2.0

//! Attacks on the abstraction by safe code: what compiles and what does not, and what comes of it.
//!
//! A guard that is forgotten leaves its lock taken, and a reference that is forgotten leaves its
//! object counted: tasks wait or memory leaks, but nothing is freed or unlocked that is in use. A
//! fault, a setup and a description have no `Drop`: to forget one is to drop it, and its handler or
//! hook still has to return an answer or an error.
//!
//! The table names what shows each: a KUnit test, as `suite.test`, or a case of
//! `scripts/compile-fail`. `cargo test -p soundness` checks that each is there.
//!
//! | attack | shown by |
//! |---|---|
//! | forgotten guard | `rust_vma_attacks.forgotten_mmap_read_guard_blocks_writers` |
//! | | `rust_vma_attacks.forgotten_mmap_write_guard_blocks_all` |
//! | | `rust_vma_attacks.exit_waits_for_a_forgotten_mmap_guard` |
//! | | `rust_vma_attacks.forgotten_i_mmap_guard_keeps_writers_out` |
//! | | `rust_vma_attacks_vma_lock.forgotten_read_guard_keeps_writers_waiting` |
//! | | `rust_vma_attacks_vma_lock.munmap_waits_for_a_forgotten_read_guard` |
//! | | `rust_vma_attacks_vma_lock.exit_waits_for_a_forgotten_read_guard` |
//! | | `rust_vma_attacks_vma_lock.forgotten_cursor_and_locked_vmas` |
//! | forgotten page or pin | `rust_vma_attacks_driver.forgotten_shared_page_is_never_freed` |
//! | | `rust_vma_attacks_driver.forgotten_pins_stay_pinned_and_charged` |
//! | forgotten fault | `fault_without_an_answer` |
//! | | `answer_made_up` |
//! | forgotten setup | `rust_vma_attacks_driver.hook_fails_after_insert_page` |
//! | | `rust_vma_attacks_driver.hook_fails_and_forgets_the_data` |
//! | | `rust_vma_attacks_driver.description_fails_after_the_operations` |
//! | | `setup_dropped` |
//! | data in a cycle | `rust_vma_attacks_driver.data_in_a_cycle` |
//! | | `rust_vma_attacks_driver.user_of_an_address_space_in_its_own_data` |
//! | swapped guards | `rust_vma_attacks.swapped_mmap_write_guards` |
//! | | `rust_vma_attacks.swapped_mmap_read_guards` |
//! | | `rust_vma_attacks_vma_lock.swapped_read_guards` |
//! | | `rust_vma_attacks_vma_lock.swapped_guards_of_different_locks` |
//! | | `guards_swapped_under_a_view` |
//! | | `guard_swapped_out_of_its_scope` |
//! | | `guard_replaced_under_its_view` |
//! | | `guard_taken_out_of_its_place` |
//! | | `cursor_replaced_under_its_view` |
//! | | `orders_of_two_locks_swapped` |
//! | swapped in a callback | `faults_swapped` |
//! | | `setups_swapped` |
//! | | `access_buffer_of_another_access` |
//! | | `page_table_entries_swapped` |
//! | another address space | `rust_vma_attacks.guard_finds_no_vma_of_another_mm` |
//! | | `rust_vma_attacks_driver.foreign_view_inserts_in_its_mm` |
//! | | `rust_vma_attacks_driver.view_of_another_address_space_is_not_own` |
//! | | `rust_vma_fields.foreign_policy_is_refused` |
//! | | `rust_vma_structure.only_the_tasks_own_memory_is_unmapped` |
//! | | `rust_vma_pinning.foreign_memory_is_pinned_under_its_lock` |
//! | | `lock_of_one_mm_view_of_another` |
//! | second scope or order | `rust_vma_attacks.second_scope_respects_the_first` |
//! | | `rust_vma_attacks.locks_of_two_scopes_are_counted` |
//! | | `rust_vma_attacks.second_order_respects_the_first` |
//! | | `rust_vma_misorder.mmap_under_mmap_read` |
//! | | `rust_vma_misorder.mmap_under_vma_read` |
//! | | `rust_vma_misorder.mmap_under_i_mmap` |
//! | | `rust_vma_misorder.mmap_in_fault` |
//! | hook that fails | `rust_vma_attacks_driver.hook_fails_after_insert_page` |
//! | | `rust_vma_attacks_driver.description_fails_after_the_operations` |
//! | | `rust_vma_private_data.a_hook_that_fails_after_all_gives_it_back` |
//! | | `rust_vma_pfn.failing_hook_unmaps_before_frames_go` |
//! | | `rust_vma_pfn.a_range_that_does_not_fit_is_refused` |
//! | | `rust_vma_seed.vma_without_data_is_never_seen` |
//! | callback that keeps | `rust_vma_attacks_driver.callback_keeps_what_outlives_its_vma` |
//! | | `fault_kept_in_data` |
//! | | `setup_kept_beyond_the_hook` |
//! | | `buffer_of_an_access_kept` |
//! | | `data_used_after_the_answer` |
//! | | `view_kept_in_a_static` |
//! | | `view_kept_in_a_structure` |
//! | | `mm_of_a_vma_in_close` |
//! | closure that smuggles | `page_table_entry_smuggled_out` |
//! | | `page_table_entry_kept` |
//! | | `speculation_smuggled_out` |
//! | | `speculation_kept` |
//! | | `setup_kept_beyond_the_hook` |
//! | lifetime made longer | `view_lengthened_by_a_generic_lifetime` |
//! | | `lifetime_of_a_guard_is_extended` |
//! | | `brand_shortened` |
//! | | `guard_outlives_the_scope` |
//! | | `guard_outlives_the_mm` |
//! | | `data_outlives_its_vma` |
//! | level made up | `level_from_outside` |
//! | | `not_a_level` |
//! | | `view_at_another_level` |
//! | | `level_laundered_by_as_read` |
//! | | `level_laundered_by_name` |
//! | | `as_read_gives_up_writing` |
//! | trait from outside | `kind_from_outside` |
//! | | `hook_from_outside` |
//! | | `order_from_outside` |
//! | | `rmap_kind_from_outside` |
//! | | `table_from_outside` |
//! | | `data_from_outside` |
//! | | `frames_from_outside` |
//! | | `setup_flags_from_outside` |
//! | operations of another | `operations_of_a_subtype` |
//! | | `operations_of_another_kind` |
//! | | `operations_of_another_hook` |
//! | | `vma_of_another_driver` |
//! | | `rust_vma_inserting.recognises_vmas_of_its_operations_only` |
//! | | `rust_vma_inserting.replaced_mapping_is_not_mistaken` |
//!
//! No test unloads the module of data that leaks. A mapping has a reference to its file, and that
//! to the module of its operations. What is left after the last mapping is memory whose `drop()` is
//! never called.

mod driver;
mod guards;
mod vma_guards;

/// Where the tests map in an address space that is not that of the case.
const ADDR: usize = 1 << 20;
