//! The verbs: each has its arguments, whose doc comments are the help, and a `run`.

pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod decrypt;
pub(crate) mod edit;
pub(crate) mod encrypt;
pub(crate) mod exec_env;
pub(crate) mod exec_file;
pub(crate) mod filestatus;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod keygen;
pub(crate) mod rotate;
pub(crate) mod set;
pub(crate) mod unset;
pub(crate) mod updatekeys;
pub(crate) mod view;
