//! The words that an SQL statement may hold, and those that it may not.
//!
//! Functions and tables are allow lists: none of them writes, waits, reads a file, or shows a password; those that
//! can are read by `settings` and by what is told of single columns.

use super::sql::Dialect;

/// PostgreSQL: pure, or of the statistics; what comes is bounded by what goes in.
pub(super) const FUNCTIONS: &str = "
    count sum avg min max now version coalesce nullif round floor ceil abs greatest least extract date_trunc
    date_part age to_char length lower upper substring left right trim concat row_number rank lag lead
    current_database current_setting pg_size_pretty pg_database_size pg_total_relation_size pg_relation_size
    pg_table_size pg_indexes_size pg_tablespace_size pg_is_in_recovery pg_postmaster_start_time
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn
    pg_wal_lsn_diff pg_blocking_pids pg_backend_pid pg_get_userbyid pg_conf_load_time inet_server_addr
    array_length string_agg clock_timestamp format_type pg_encoding_to_char unnest cardinality array_to_string
    array_agg array_position strpos position split_part substr btrim ltrim rtrim to_timestamp make_interval
    justify_interval justify_hours statement_timestamp transaction_timestamp pg_size_bytes pg_column_size
    pg_get_indexdef pg_get_constraintdef quote_ident obj_description col_description pg_last_committed_xact
    pg_wal_replay_paused pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_walfile_name
    txid_current_snapshot pg_current_snapshot txid_snapshot_xmin pg_snapshot_xmin mxid_age pg_ls_waldir
    pg_ls_logdir pg_ls_tmpdir pg_ls_archive_statusdir pg_tablespace_location pg_relation_filepath
    pg_safe_snapshot_blocking_pids inet_server_port inet_client_addr current_schema host bool_and bool_or every
    percentile_cont percentile_disc stddev variance mod sqrt sign trunc dense_rank percent_rank ntile
    first_value last_value to_regclass pg_table_is_visible pg_control_checkpoint pg_control_system
    pg_control_recovery pg_partition_tree pg_current_wal_insert_lsn pg_current_wal_flush_lsn pg_has_role
    has_table_privilege has_database_privilege has_schema_privilege pg_my_temp_schema pg_current_logfile initcap
    concat_ws isfinite div ceiling starts_with pg_stat_get_snapshot_timestamp
";
/// MySQL and MariaDB, likewise.
pub(super) const MYSQL_FUNCTIONS: &str = "
    count sum avg min max now version coalesce ifnull nullif round floor ceil abs greatest least database schema
    user concat date_format unix_timestamp from_unixtime timestampdiff length char_length lower upper substring
    left right trim group_concat format if datediff date curdate format_bytes format_pico_time format_time
    format_statement sec_to_time time_to_sec timediff utc_timestamp sysdate curtime date_sub date_add to_days
    hour minute second day month year dayname weekday strcmp substring_index locate instr sign mod connection_id
    current_user session_user system_user found_rows json_extract json_unquote inet_ntoa inet6_ntoa isnull
    any_value stddev std variance row_number rank lag lead gtid_subtract gtid_subset time current_timestamp
    localtime utc_time utc_date concat_ws ltrim rtrim ceiling pow
";
/// Words that stand before `(` without calling anything.
pub(super) const BEFORE_PAREN: &str = "
    in and or not as over filter exists any all where on select distinct union by using when then else case join
    except intersect having limit from between like is with
";
/// Words of no statement that only reads.
pub(super) const REFUSED: &str = "
    into for insert update delete merge replace create drop alter truncate copy call do set reset grant revoke
    lock vacuum analyze analyse execute prepare deallocate notify listen unlisten load import refresh reindex
    cluster comment security outfile dumpfile procedure handler table values begin commit rollback start
    savepoint declare fetch move discard only rows tablesample recursive cast collate operator kill flush
    shutdown install uninstall use optimize repair rename purge change stop xa window share uescape variadic
    xmltable json_table rowcount straight_join sql_calc_found_rows
";
/// What may stand behind `::`.
pub(super) const TYPES: &str = "
    text int integer bigint numeric float regclass regnamespace oid interval date timestamp timestamptz name
    varchar bool boolean char real smallint float8 float4 int8 int4 int2 double xid xid8 pg_lsn inet time
    regrole regtype
";
/// PostgreSQL's catalogs without passwords, file contents and samples of rows.
pub(super) const PG_TABLES: &str = "
    pg_locks pg_database pg_class pg_namespace pg_tables pg_indexes pg_index pg_views pg_matviews pg_settings
    pg_roles pg_replication_slots pg_extension pg_available_extensions pg_tablespace pg_attribute pg_constraint
    pg_type pg_sequences pg_prepared_xacts pg_cursors pg_am pg_trigger pg_publication pg_inherits pg_depend
    pg_description pg_collation pg_language pg_event_trigger pg_policies pg_sequence pg_partitioned_table
    pg_replication_origin_status pg_replication_origin pg_publication_tables pg_publication_rel
    pg_timezone_names pg_shmem_allocations pg_available_extension_versions pg_auth_members pg_opclass
    pg_backend_memory_contexts pg_wait_events pg_group pg_hba_file_rules pg_publication_namespace
    pg_ident_file_mappings
";
/// From these a word ends the list of tables. Each is reserved in both dialects: `offset` and, in older ones, `except`
/// are MySQL's names for a table as well as any.
pub(super) const AFTER_FROM: &str = "where group order having limit union select";
/// Words that are read as the language's own, and so may name nothing, in quotes either.
pub(super) const GRAMMAR: &str = "
    from join lateral using distinct natural cross inner left right full is between case asc desc null true false
    extract substring trim materialized offset preceding following
";
/// What is a table though it is called.
pub(super) const TABLE_FUNCTIONS: &str = "unnest pg_ls_waldir pg_ls_logdir pg_ls_tmpdir pg_ls_archive_statusdir pg_control_checkpoint pg_control_system pg_control_recovery pg_partition_tree";
/// MySQL's own tables of which everything may be read.
pub(super) const MYSQL_TABLES: &str =
    "db innodb_table_stats innodb_index_stats plugin gtid_executed gtid_slave_pos time_zone_name";
/// What `SHOW` of a pgbouncer tells without passwords (`show fds` holds them).
pub(super) const PGBOUNCER: &str = "pools stats stats_totals stats_averages totals clients servers databases lists users mem state version dns_hosts dns_zones peers peer_pools";

/// Whether a word stands in a list.
pub(super) fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

/// The functions of a dialect.
pub(super) fn functions(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Postgres {
        FUNCTIONS
    } else {
        MYSQL_FUNCTIONS
    }
}
