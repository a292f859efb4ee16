//! Writing kubeconfig files: one cluster, one user, one context.

/// What a kubeconfig says.
pub(crate) struct Kubeconfig<'a> {
    /// `https://…` of the API server.
    pub(crate) server: &'a str,
    /// The certificates that the API server's must come from, PEM in base64.
    pub(crate) authority: &'a str,
    /// The name that stands for the user in this file.
    pub(crate) user: &'a str,
    /// The bearer token the user is known by.
    pub(crate) token: &'a str,
}

impl Kubeconfig<'_> {
    /// The file's text.
    pub(crate) fn to_yaml(&self) -> String {
        let Self {
            server,
            authority,
            user,
            token,
        } = self;
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: lockstep\n\
             clusters:\n- name: lockstep\n  cluster:\n    server: {server}\n    \
             certificate-authority-data: {authority}\n\
             users:\n- name: {user}\n  user:\n    token: {token}\n\
             contexts:\n- name: lockstep\n  context:\n    cluster: lockstep\n    user: {user}\n"
        )
    }
}
