//! The schema as the database reports it: all that the migrations created, independent of how.

use keepstone_test_backends::Database;

use super::Opened;

/// Returns the schema in a stable order, one object per line. Lines about a column, an index or a trigger are JSON,
/// with its name under that word and its table under `table`; `rest` is only for comparison.
pub async fn schema(opened: &Opened) -> Vec<String> {
    let queries = match opened.kind {
        Database::Sqlite => SQLITE,
        Database::Postgres => POSTGRES,
        Database::Mariadb => MARIADB,
    };
    let mut raw = opened.raw().await;
    let mut lines = Vec::new();
    for query in queries {
        lines.extend(raw.lines(query).await);
    }
    lines.retain(|line| !line.contains("__diesel_schema_migrations"));
    lines.sort();
    lines
}

/// Leaves out the internal tables of search indexes, because they may change with SQLite's version.
const SQLITE: &[&str] = &[
    "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_master",
    "SELECT json_object('table', tables.name, 'column', columns.name, 'type', lower(columns.type), \
     'nullable', \"notnull\" = 0 AND pk = 0) AS line \
     FROM pragma_table_list tables JOIN pragma_table_info(tables.name) columns \
     WHERE tables.schema = 'main' AND tables.type <> 'shadow' AND tables.name NOT LIKE 'sqlite_%'",
    "SELECT json_object('table', tables.name, 'index', indexes.name, \
     'columns', (SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(indexes.name)), \
     'unique', \"unique\", 'condition', iif(partial, substr(sql, instr(sql, ' WHERE ') + 7), NULL)) AS line \
     FROM pragma_table_list tables JOIN pragma_index_list(tables.name) indexes \
     LEFT JOIN sqlite_master ON sqlite_master.name = indexes.name \
     WHERE tables.schema = 'main' AND tables.type <> 'shadow' AND tables.name NOT LIKE 'sqlite_%'",
    "SELECT json_object('table', tbl_name, 'trigger', name) AS line FROM sqlite_master WHERE type = 'trigger'",
];

const POSTGRES: &[&str] = &[
    "SELECT json_build_object('table', table_name, 'column', column_name, 'type', format_type(atttypid, atttypmod), \
     'nullable', NOT attnotnull, 'rest', concat_ws(' ', ordinal_position, collation_name, column_default, is_identity, \
     identity_generation))::text AS line FROM information_schema.columns \
     JOIN pg_attribute ON attrelid = quote_ident(table_name)::regclass AND attname = column_name \
     WHERE table_schema = 'public'",
    "SELECT json_build_object('table', indrelid::regclass::text, 'index', indexrelid::regclass::text, \
     'columns', (SELECT string_agg(pg_get_indexdef(indexrelid, place, true), ', ' ORDER BY place) \
     FROM generate_series(1, indnkeyatts) place), 'unique', indisunique, 'condition', pg_get_expr(indpred, indrelid), \
     'rest', pg_get_indexdef(indexrelid))::text AS line \
     FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace",
    "SELECT json_build_object('table', tgrelid::regclass::text, 'trigger', tgname, \
     'rest', pg_get_triggerdef(oid))::text AS line FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line \
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT relkind::text || ' ' || relname AS line FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    // The extension is ignored: other programs may use it, and the migrating role may lack the right to drop it.
    "SELECT pg_get_functiondef(p.oid) AS line FROM pg_proc p WHERE pronamespace = 'public'::regnamespace \
     AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')",
];

const MARIADB: &[&str] = &[
    "SELECT CONVERT(JSON_OBJECT('table', table_name, 'column', column_name, 'type', column_type, \
     'nullable', is_nullable = 'YES', 'rest', CONCAT_WS(' ', ordinal_position, collation_name, column_default, extra)), \
     CHAR) AS line FROM information_schema.columns WHERE table_schema = DATABASE()",
    "SELECT CONVERT(JSON_OBJECT('table', table_name, 'index', index_name, \
     'columns', GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', '), 'unique', MAX(non_unique) = 0), CHAR) AS line \
     FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name",
    "SELECT CONVERT(JSON_OBJECT('table', event_object_table, 'trigger', trigger_name, \
     'rest', CONCAT_WS(' ', event_manipulation, action_timing, action_statement)), CHAR) AS line \
     FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT CONCAT_WS(' ', table_name, constraint_name, referenced_table_name, delete_rule) AS line \
     FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()",
    "SELECT CONCAT_WS(' ', table_name, engine, table_collation) AS line \
     FROM information_schema.tables WHERE table_schema = DATABASE()",
];
