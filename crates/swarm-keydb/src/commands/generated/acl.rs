//! `AclCommands`, from `spec/acl.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on users and what they may do.
pub trait AclCommands: Executor {
    /// Gets the user of this connection (`ACL WHOAMI`).
    ///
    /// Returns the name.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_whoami(&self) -> Self::Output<String> {
        self.execute(Builder::new("ACL WHOAMI").read_only().build())
    }

    /// Lists the names of all users (`ACL USERS`).
    ///
    /// Returns the names.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_users(&self) -> Self::Output<Vec<String>> {
        self.execute(Builder::new("ACL USERS").read_only().build())
    }

    /// Lists all users with their rules (`ACL LIST`).
    ///
    /// Returns one text per user, in the form of the server's file of users.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_list(&self) -> Self::Output<Vec<String>> {
        self.execute(Builder::new("ACL LIST").read_only().build())
    }

    /// Lists the categories of commands (`ACL CAT`).
    ///
    /// Returns the names.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_cat(&self) -> Self::Output<Vec<String>> {
        self.execute(Builder::new("ACL CAT").read_only().build())
    }

    /// Lists the commands of a category (`ACL CAT`).
    ///
    /// Returns the names.
    ///
    /// # Errors
    ///
    /// Fails if the category is unknown.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_cat_commands(&self, category: impl ToArg) -> Self::Output<Vec<String>> {
        self.execute(Builder::new("ACL CAT").read_only().echoed(category).build())
    }

    /// Gets the rules of a user (`ACL GETUSER`).
    ///
    /// Returns the rules by name (`flags`, `passwords`, `commands`, `keys`, `channels`,
    /// `selectors`), `None` if there is no such user.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_getuser(&self, user: impl ToArg) -> Self::Output<Option<HashMap<String, Frame>>> {
        self.execute(Builder::new("ACL GETUSER").read_only().echoed(user).build())
    }

    /// Creates a user, or changes the rules of one (`ACL SETUSER`).
    ///
    /// The rules are sent in plain text, and may contain passwords.
    ///
    /// # Errors
    ///
    /// Fails if a rule is invalid; no rule is applied then.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_setuser(&self, user: impl ToArg, rules: impl ToArgs) -> Self::Output<()> {
        self.execute(
            Builder::new("ACL SETUSER")
                .echoed(user)
                .args(rules)
                .build_with(ok),
        )
    }

    /// Removes users, and closes their connections (`ACL DELUSER`).
    ///
    /// Returns how many of the users existed.
    ///
    /// # Errors
    ///
    /// Fails if one of them is `default`.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_deluser(&self, users: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("ACL DELUSER").values(users).build())
    }

    /// Checks whether a user may run a command, without running it (`ACL DRYRUN`).
    ///
    /// Returns why not; `None` if the user may.
    ///
    /// # Errors
    ///
    /// Fails if the user or the command is unknown.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_dryrun(
        &self,
        user: impl ToArg,
        command: impl ToArg,
        args: impl ToArgs,
    ) -> Self::Output<Option<String>> {
        self.execute(
            Builder::new("ACL DRYRUN")
                .read_only()
                .echoed(user)
                .echoed(command)
                .args(args)
                .build_with(dry_run),
        )
    }

    /// Creates a random password of 256 bits (`ACL GENPASS`).
    ///
    /// Returns 64 hexadecimal digits.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_genpass(&self) -> Self::Output<String> {
        self.execute(Builder::new("ACL GENPASS").read_only().build())
    }

    /// Gets the newest events of denied access, at most `count` (`ACL LOG`).
    ///
    /// Returns one map per event, the newest first.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_log(&self, count: u64) -> Self::Output<Vec<HashMap<String, Frame>>> {
        self.execute(Builder::new("ACL LOG").read_only().arg(count).build())
    }

    /// Removes the events of denied access (`ACL LOG`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_log_reset(&self) -> Self::Output<()> {
        self.execute(Builder::new("ACL LOG").arg("RESET").build_with(ok))
    }

    /// Writes all users to the server's file of users (`ACL SAVE`).
    ///
    /// # Errors
    ///
    /// Fails if the server has no such file, or cannot write to it.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_save(&self) -> Self::Output<()> {
        self.execute(Builder::new("ACL SAVE").build_with(ok))
    }

    /// Replaces all users by those of the server's file of users (`ACL LOAD`).
    ///
    /// # Errors
    ///
    /// Fails if the server has no such file, or it is invalid; nothing changes then.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn acl_load(&self) -> Self::Output<()> {
        self.execute(Builder::new("ACL LOAD").build_with(ok))
    }
}

impl<E: Executor> AclCommands for E {}
