//! The error numbers of `MySQL` and `MariaDB` servers, and of their C client.
//!
//! `MySQL`'s server has the numbers 1000 to 1999 and 3000 to 5999 for clients, `MariaDB`'s the same with its own from 1900 and 4000
//! on, the C client those from 2000. [`number_class`] is the table: a line for each number with a class other than
//! [`Permanent`](ErrorClass::Permanent). The rule for the rest: a number of a server is `Permanent`, because the statement, the
//! schema or the configuration is wrong; any other is [`Unknown`](ErrorClass::Unknown).
//!
//! | kind | class | because |
//! |---|---|---|
//! | dead-locks, lock waits, changed tables | [`Concurrency`](ErrorClass::Concurrency) | others were faster; repeat the transaction |
//! | lost connections, shut-downs, fail-over | [`Transient`](ErrorClass::Transient) | the next connection finds a server that writes |
//! | quotas of a user | [`RateLimit`](ErrorClass::RateLimit) | so many an hour |
//! | disk, memory, connections, damaged tables | [`ServerError`](ErrorClass::ServerError) | the server has run out of something |
//! | 1180 (error during commit), 1401 (in a branch of a transaction) | [unknown outcome](Classification::outcome_unknown) | never repeated unless [opted in](super::Idempotent) |
//! | duplicate and foreign keys, interrupted and timed-out statements, errors raised by routines | [`Unknown`](ErrorClass::Unknown) | another session may be the reason |
//!
//! SQLSTATE says less here: most of these have `HY000`. Where the two vendors give a number to different conditions (4031), the
//! class is that of `MySQL`.

use super::Classification;
use crate::ErrorClass;

/// Returns the class of an error number. See [this module](self) for the rule for numbers that are not listed.
///
/// ```
/// use redress_core::{ErrorClass, classify::mysql};
///
/// assert_eq!(mysql::number_class(1205), ErrorClass::Concurrency); // lock wait timeout
/// assert_eq!(mysql::number_class(1064), ErrorClass::Permanent); // syntax error
/// ```
#[expect(clippy::match_same_arms, clippy::too_many_lines, reason = "a table with a line per number")]
pub const fn number_class(number: u32) -> ErrorClass {
    use ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown};

    match number {
        1002 => Unknown,                        // ER_NO: a word, no failure
        1003 => Unknown,                        // ER_YES: a word, no failure
        1015 => ServerError,                    // ER_CANT_LOCK: a file, by the system
        1016 => ServerError,                    // ER_CANT_OPEN_FILE: a table's file
        1020 => Concurrency,                    // ER_CHECKREAD: the row changed since it was read
        1021 => ServerError,                    // ER_DISK_FULL
        1022 => Unknown,                        // ER_DUP_KEY: another session's row may be the reason
        1023 => ServerError,                    // ER_ERROR_ON_CLOSE
        1024 => ServerError,                    // ER_ERROR_ON_READ
        1026 => ServerError,                    // ER_ERROR_ON_WRITE
        1028 => Unknown,                        // ER_FILSORT_ABORT: canceled, and not by whom
        1030 => ServerError,                    // ER_GET_ERRNO: from the storage engine
        1034 => ServerError,                    // ER_NOT_KEYFILE: a damaged index
        1035 => ServerError,                    // ER_OLD_KEYFILE: an old index
        1037 => ServerError,                    // ER_OUTOFMEMORY
        1038 => ServerError,                    // ER_OUT_OF_SORTMEMORY
        1039 => ServerError,                    // ER_UNEXPECTED_EOF: in a table's file
        1040 => ServerError,                    // ER_CON_COUNT_ERROR: too many connections
        1041 => ServerError,                    // ER_OUT_OF_RESOURCES
        1042 => Transient,                      // ER_BAD_HOST_ERROR: the client's name could not be looked up
        1043 => Transient,                      // ER_HANDSHAKE_ERROR: cut off
        1044 => Permission,                     // ER_DBACCESS_DENIED_ERROR
        1045 => Auth,                           // ER_ACCESS_DENIED_ERROR
        1047 => Transient,                      // ER_UNKNOWN_COM_ERROR: also what a Galera node says that is not ready
        1053 => Transient,                      // ER_SERVER_SHUTDOWN
        1062 => Unknown,                        // ER_DUP_ENTRY: another session's row may be the reason
        1077 => Transient,                      // ER_NORMAL_SHUTDOWN
        1078 => ServerError,                    // ER_GOT_SIGNAL
        1079 => Transient,                      // ER_SHUTDOWN_COMPLETE
        1080 => Transient,                      // ER_FORCING_CLOSE
        1081 => Transient,                      // ER_IPSOCK_ERROR
        1095 => Permission,                     // ER_KILL_DENIED_ERROR
        1105 => Unknown,                        // ER_UNKNOWN_ERROR
        1114 => ServerError,                    // ER_RECORD_FILE_FULL: the table or the disk is full
        1129 => Permission,                     // ER_HOST_IS_BLOCKED: until an administrator unblocks it
        1130 => Auth,                           // ER_HOST_NOT_PRIVILEGED: no account for this host
        1135 => ServerError,                    // ER_CANT_CREATE_THREAD
        1142 => Permission,                     // ER_TABLEACCESS_DENIED_ERROR
        1143 => Permission,                     // ER_COLUMNACCESS_DENIED_ERROR
        1152 => Transient,                      // ER_ABORTING_CONNECTION
        1154 => Transient,                      // ER_NET_READ_ERROR_FROM_PIPE
        1155 => Transient,                      // ER_NET_FCNTL_ERROR
        1156 => Transient,                      // ER_NET_PACKETS_OUT_OF_ORDER
        1157 => Transient,                      // ER_NET_UNCOMPRESS_ERROR
        1158 => Transient,                      // ER_NET_READ_ERROR
        1159 => Transient,                      // ER_NET_READ_INTERRUPTED: timed out
        1160 => Transient,                      // ER_NET_ERROR_ON_WRITE
        1161 => Transient,                      // ER_NET_WRITE_INTERRUPTED: timed out
        1169 => Unknown,                        // ER_DUP_UNIQUE: another session's row may be the reason
        1181 => ServerError,                    // ER_ERROR_DURING_ROLLBACK
        1184 => Transient,                      // ER_NEW_ABORTING_CONNECTION
        1188 => ServerError,                    // ER_MASTER: an error from the primary
        1189 => Transient,                      // ER_MASTER_NET_READ
        1190 => Transient,                      // ER_MASTER_NET_WRITE
        1194 => ServerError,                    // ER_CRASHED_ON_USAGE: the table wants repair
        1195 => ServerError,                    // ER_CRASHED_ON_REPAIR
        1203 => ServerError,                    // ER_TOO_MANY_USER_CONNECTIONS
        1205 => Concurrency,                    // ER_LOCK_WAIT_TIMEOUT
        1206 => ServerError,                    // ER_LOCK_TABLE_FULL
        1211 => Permission,                     // ER_NO_PERMISSION_TO_CREATE_USER
        1213 => Concurrency,                    // ER_LOCK_DEADLOCK: rolled back
        1216 => Unknown,                        // ER_NO_REFERENCED_ROW: the row may come
        1217 => Unknown,                        // ER_ROW_IS_REFERENCED: the reference may go
        1218 => Transient,                      // ER_CONNECT_TO_MASTER
        1226 => RateLimit,                      // ER_USER_LIMIT_REACHED: queries or connections an hour
        1227 => Permission,                     // ER_SPECIFIC_ACCESS_DENIED_ERROR
        1243 => Unknown, // ER_UNKNOWN_STMT_HANDLER: behind a pooler, of another connection; nothing has run
        1251 => Auth,    // ER_NOT_SUPPORTED_AUTH_MODE
        1257 => ServerError, // ER_ZLIB_Z_MEM_ERROR
        1275 => Auth,    // ER_SERVER_IS_IN_SECURE_AUTH_MODE: an old password
        1290 => Transient, // ER_OPTION_PREVENTS_STATEMENT: read-only, so a former primary; see `classify_error`
        1296 => ServerError, // ER_GET_ERRMSG: from the storage engine
        1297 => Transient, // ER_GET_TEMPORARY_ERRMSG: temporary, says the storage engine
        1317 => Unknown, // ER_QUERY_INTERRUPTED: canceled, and not by whom
        1370 => Permission, // ER_PROCACCESS_DENIED_ERROR
        1376 => ServerError, // ER_FSEEK_FAIL
        1402 => Concurrency, // ER_XA_RBROLLBACK: rolled back
        1410 => Permission, // ER_CANT_CREATE_USER_WITH_GRANT
        1412 => Concurrency, // ER_TABLE_DEF_CHANGED: "please retry transaction"
        1419 => Permission, // ER_BINLOG_CREATE_ROUTINE_NEED_SUPER
        1429 => Transient, // ER_CONNECT_TO_FOREIGN_DATA_SOURCE
        1430 => ServerError, // ER_QUERY_ON_FOREIGN_DATA_SOURCE
        1451 => Unknown, // ER_ROW_IS_REFERENCED_2: the reference may go
        1452 => Unknown, // ER_NO_REFERENCED_ROW_2: the row may come
        1461 => ServerError, // ER_MAX_PREPARED_STMT_COUNT_REACHED: by all sessions
        1467 => ServerError, // ER_AUTOINC_READ_FAILED
        1534 => ServerError, // ER_BINLOG_ROW_LOGGING_FAILED
        1586 => Unknown, // ER_DUP_ENTRY_WITH_KEY_NAME: another session's row may be the reason
        1613 => Concurrency, // ER_XA_RBTIMEOUT: rolled back
        1614 => Concurrency, // ER_XA_RBDEADLOCK: rolled back
        1615 => Concurrency, // ER_NEED_REPREPARE: the schema changed, nothing has run
        1637 => ServerError, // ER_TOO_MANY_CONCURRENT_TRXS
        1644 => Unknown, // ER_SIGNAL_EXCEPTION: whatever a routine of the schema raises
        1689 => Concurrency, // ER_LOCK_ABORTED: by a pending exclusive lock
        1698 => Auth,    // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        1712 => ServerError, // ER_INDEX_CORRUPT
        1761 => Unknown, // ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO
        1762 => Unknown, // ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO
        1815 => ServerError, // ER_INTERNAL_ERROR
        1817 => ServerError, // ER_INNODB_INDEX_CORRUPT
        1820 => Auth,    // ER_MUST_CHANGE_PASSWORD
        1836 => Transient, // ER_READ_ONLY_MODE: a former primary
        1859 => Unknown, // ER_DUP_UNKNOWN_IN_INDEX
        1862 => Auth,    // ER_MUST_CHANGE_PASSWORD_LOGIN
        1873 => Auth,    // ER_ACCESS_DENIED_CHANGE_USER_ERROR
        1874 => Transient, // ER_INNODB_READ_ONLY: a former primary
        1877 => ServerError, // ER_TABLE_CORRUPT
        1878 => ServerError, // ER_TEMP_FILE_WRITE_FAILURE
        1927 => Transient, // ER_CONNECTION_KILLED (MariaDB)
        1964 => Concurrency, // ER_PRIOR_COMMIT_FAILED (MariaDB): an earlier commit failed, and this one with it
        1969 => Unknown, // ER_STATEMENT_TIMEOUT (MariaDB): as long again, or less
        1979 => Permission, // ER_KILL_QUERY_DENIED_ERROR (MariaDB)
        2000 => Unknown, // CR_UNKNOWN_ERROR
        2002 => Transient, // CR_CONNECTION_ERROR: through the socket
        2003 => Transient, // CR_CONN_HOST_ERROR
        2005 => Transient, // CR_UNKNOWN_HOST: names that cannot be looked up may be later
        2006 => Transient, // CR_SERVER_GONE_ERROR
        2008 => ServerError, // CR_OUT_OF_MEMORY
        2012 => Transient, // CR_SERVER_HANDSHAKE_ERR
        2013 => Transient, // CR_SERVER_LOST
        2026 => Permanent, // CR_SSL_CONNECTION_ERROR: certificates, missing TLS
        2027 => Transient, // CR_MALFORMED_PACKET
        2055 => Transient, // CR_SERVER_LOST_EXTENDED
        2059 => Auth,    // CR_AUTH_PLUGIN_CANNOT_LOAD
        2061 => Auth,    // CR_AUTH_PLUGIN_ERR
        2067 => Auth,    // CR_KERBEROS_USER_NOT_FOUND
        2070 => Transient, // CR_DNS_SRV_LOOKUP_FAILED
        3000 => ServerError, // ER_FILE_CORRUPT
        3015 => ServerError, // ER_ENGINE_OUT_OF_MEMORY
        3019 => ServerError, // ER_INNODB_UNDO_LOG_FULL
        3024 => Unknown, // ER_QUERY_TIMEOUT: as long again, or less
        3032 => Transient, // ER_SERVER_OFFLINE_MODE
        3044 => ServerError, // ER_STD_BAD_ALLOC_ERROR
        3058 => Concurrency, // ER_USER_LOCK_DEADLOCK
        3100 => ServerError, // ER_RUN_HOOK_ERROR: replication refused or lost the commit's group
        3101 => Concurrency, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: another member of the group was faster
        3118 => Auth,    // ER_ACCOUNT_HAS_BEEN_LOCKED
        3132 => Concurrency, // ER_LOCKING_SERVICE_DEADLOCK
        3133 => Concurrency, // ER_LOCKING_SERVICE_TIMEOUT
        3168 => Transient, // ER_SERVER_ISNT_AVAILABLE
        3169 => Transient, // ER_SESSION_WAS_KILLED
        3177 => Concurrency, // ER_LOCK_REFUSED_BY_ENGINE
        3197 => Transient, // ER_XA_RETRY: "please retry later"
        3202 => Permission, // ER_KEYRING_ACCESS_DENIED_ERROR
        3547 => Concurrency, // ER_CANNOT_LOCK_USER_MANAGEMENT_CACHES
        3552 => Permission, // ER_NO_SYSTEM_SCHEMA_ACCESS
        3553 => Permission, // ER_NO_SYSTEM_TABLESPACE_ACCESS
        3554 => Permission, // ER_NO_SYSTEM_TABLE_ACCESS
        3555 => Permission, // ER_NO_SYSTEM_TABLE_ACCESS_FOR_DICTIONARY_TABLE
        3556 => Permission, // ER_NO_SYSTEM_TABLE_ACCESS_FOR_SYSTEM_TABLE
        3557 => Permission, // ER_NO_SYSTEM_TABLE_ACCESS_FOR_TABLE
        3566 => Permission, // ER_NO_ACCESS_TO_NATIVE_FCT
        3572 => Concurrency, // ER_LOCK_NOWAIT
        3620 => Permission, // ER_NO_SYSTEM_VIEW_ACCESS
        3630 => Permission, // ER_PERSIST_ONLY_ACCESS_DENIED_ERROR
        3631 => Permission, // ER_CMD_NEED_SUPER
        3656 => Concurrency, // ER_RESOURCE_GROUP_BUSY
        3675 => ServerError, // ER_DISK_FULL_NOWAIT
        3781 => Transient, // ER_GR_HOLD_WAIT_TIMEOUT: a new primary catches up
        3782 => Transient, // ER_GR_HOLD_KILLED: the wait for it was ended
        3783 => Transient, // ER_GR_HOLD_MEMBER_STATUS_ERROR: the member left the group
        3836 => Permission, // ER_UKNOWN_AUTH_ID_OR_ACCESS_DENIED_FOR_GRANT_AS
        3879 => Permission, // ER_DB_ACCESS_DENIED
        3891 => Auth,    // ER_INCORRECT_CURRENT_PASSWORD
        3892 => Auth,    // ER_MISSING_CURRENT_PASSWORD
        3914 => Permission, // ER_AUDIT_LOG_INSUFFICIENT_PRIVILEGE
        3928 => Permission, // ER_CLIENT_PRIVILEGE_CHECKS_USER_NEEDS_RPL_APPLIER_PRIV
        3950 => ServerError, // ER_DA_OOM
        3955 => Auth,    // ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK
        3985 => ServerError, // ER_MDL_OUT_OF_RESOURCES
        4031 => Transient, // ER_CLIENT_INTERACTION_TIMEOUT: idle for too long
        4049 => Transient, // ER_OPERATION_NOT_ALLOWED_ON_GR_SECONDARY: a former primary
        4150 => Auth,    // ER_USER_IS_BLOCKED (MariaDB)
        4151 => Auth,    // ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB)
        5167 => Permission, // ER_X_MYSQLX_ACCOUNT_MISSING_PERMISSIONS
        1000..=1999 | 3000..=5999 => Permanent, // of a server
        _ => Unknown,    // of nobody
    }
}

/// Classifies an error number, with the number as the numeric code.
///
/// ```
/// use redress_core::classify::mysql;
///
/// assert!(mysql::classify_number(1180).is_outcome_unknown()); // error during commit
/// ```
pub const fn classify_number(number: u32) -> Classification {
    match number {
        // ER_ERROR_DURING_COMMIT; ER_XAER_RMERR: "check your data for consistency".
        1180 | 1401 => Classification::outcome_unknown().code(number),
        _ => Classification::new(number_class(number)).code(number),
    }
}

/// Classifies an error by number and message: 1290, "running with the ... option", passes only where the option makes the server
/// read-only, as that of a former primary.
///
/// ```
/// use redress_core::{ErrorClass, classify::mysql};
///
/// let class = |option| mysql::classify_error(1290, option).class();
/// assert_eq!(class("The MySQL server is running with the --read-only option"), ErrorClass::Transient);
/// assert_eq!(class("The MySQL server is running with the --skip-grant-tables option"), ErrorClass::Permanent);
/// ```
pub fn classify_error(number: u32, message: &str) -> Classification {
    // By bytes, because what searches in a text can panic.
    if number == 1290 && !message.as_bytes().windows(9).any(|bytes| bytes == b"read-only") {
        return Classification::new(ErrorClass::Permanent).code(number);
    }
    classify_number(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown};

    #[test]
    fn numbers_by_class() {
        const ROWS: [(ErrorClass, &[u32]); 8] = [
            (
                Concurrency,
                &[
                    1020, 1205, 1213, 1402, 1412, 1613, 1614, 1615, 1689, 1964, 3058, 3101, 3132, 3133, 3177, 3547,
                    3572, 3656,
                ],
            ),
            (
                Transient,
                &[
                    1042, 1043, 1047, 1053, 1077, 1079, 1080, 1081, 1152, 1154, 1155, 1156, 1157, 1158, 1159, 1160,
                    1161, 1184, 1189, 1190, 1218, 1290, 1297, 1429, 1836, 1874, 1927, 2002, 2003, 2005, 2006, 2012,
                    2013, 2027, 2055, 2070, 3032, 3168, 3169, 3197, 3781, 3782, 3783, 4031, 4049,
                ],
            ),
            (RateLimit, &[1226]),
            (
                ServerError,
                &[
                    1015, 1016, 1021, 1023, 1024, 1026, 1030, 1034, 1035, 1037, 1038, 1039, 1040, 1041, 1078, 1114,
                    1135, 1181, 1188, 1194, 1195, 1203, 1206, 1257, 1296, 1376, 1430, 1461, 1467, 1534, 1637, 1712,
                    1815, 1817, 1877, 1878, 2008, 3000, 3015, 3019, 3044, 3100, 3675, 3950, 3985,
                ],
            ),
            (
                Auth,
                &[1045, 1130, 1251, 1275, 1698, 1820, 1862, 1873, 2059, 2061, 2067, 3118, 3891, 3892, 3955, 4150, 4151],
            ),
            (
                Permission,
                &[
                    1044, 1095, 1129, 1142, 1143, 1211, 1227, 1370, 1410, 1419, 1979, 3202, 3552, 3553, 3554, 3555,
                    3556, 3557, 3566, 3620, 3630, 3631, 3836, 3879, 3914, 3928, 5167,
                ],
            ),
            (
                Unknown,
                &[
                    1002, 1003, 1022, 1028, 1062, 1105, 1169, 1216, 1217, 1243, 1317, 1451, 1452, 1586, 1644, 1761,
                    1762, 1859, 1969, 2000, 3024,
                ],
            ),
            (
                Permanent,
                &[1005, 1048, 1054, 1064, 1146, 1153, 1180, 1207, 1366, 1401, 1406, 1690, 1792, 2026, 3819, 3989, 4025],
            ),
        ];
        for (class, numbers) in ROWS {
            for number in numbers {
                assert_eq!(number_class(*number), class, "{number}");
                assert_eq!(classify_number(*number).numeric_code(), Some(*number));
            }
        }
    }

    #[test]
    fn the_rest_is_permanent_if_it_is_a_servers() {
        for number in [1000, 1999, 3000, 4073, 4192, 5999] {
            assert_eq!(number_class(number).is_retryable(), number == 3000, "{number}");
        }
        for number in [0, 999, 2001, 2999, 6000, 65_535, u32::MAX] {
            assert_eq!(number_class(number), Unknown, "{number}");
        }
    }

    #[test]
    fn commits_that_failed_have_no_outcome() {
        for number in 0..70_000 {
            assert_eq!(classify_number(number).is_outcome_unknown(), [1180, 1401].contains(&number), "{number}");
        }
    }

    #[test]
    fn the_message_tells_read_only_servers() {
        for (message, class) in [
            (
                "The MySQL server is running with the --super-read-only option so it cannot execute this statement",
                Transient,
            ),
            (
                "The MariaDB server is running with the --read-only option so it cannot execute this statement",
                Transient,
            ),
            ("The MariaDB server is running with the --secure-file-priv option", Permanent),
        ] {
            assert_eq!(classify_error(1290, message), Classification::new(class).code(1290));
        }
        assert_eq!(classify_error(1213, "").class(), Concurrency);
    }
}
