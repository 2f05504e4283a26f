//! What tor says of onion services' descriptors: control-spec, event HS_DESC.

open_enum! {
    /// What happened to a descriptor.
    pub enum HsDescAction {
        /// It was asked for.
        Requested = "REQUESTED",
        /// An upload was begun.
        Upload = "UPLOAD",
        /// It was received, and is valid.
        Received = "RECEIVED",
        /// An upload succeeded.
        Uploaded = "UPLOADED",
        /// It was received, and is not used (older tors).
        Ignore = "IGNORE",
        /// A fetch or an upload failed.
        Failed = "FAILED",
        /// The service made a new one.
        Created = "CREATED",
    }
}

open_enum! {
    /// Why a fetch or an upload failed.
    pub enum HsDescReason {
        /// What came is no valid descriptor.
        BadDesc = "BAD_DESC",
        /// The directory refused the query.
        QueryRejected = "QUERY_REJECTED",
        /// The directory refused the upload.
        UploadRejected = "UPLOAD_REJECTED",
        /// The directory has none.
        NotFound = "NOT_FOUND",
        /// Another failure, of a fetch or an upload.
        Unexpected = "UNEXPECTED",
        /// No directory could be asked (older tors).
        QueryNoHsdir = "QUERY_NO_HSDIR",
        /// Asked too often (older tors).
        QueryRateLimited = "QUERY_RATE_LIMITED",
    }
}
