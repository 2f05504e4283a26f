//! Actions on onion service descriptors, and reasons for failures:
//! control-spec, event HS_DESC.

open_enum! {
    /// The action on an onion service descriptor that an HS_DESC event reports.
    pub enum HsDescAction {
        /// tor asked a directory for the descriptor.
        Requested = "REQUESTED",
        /// tor started to upload the descriptor.
        Upload = "UPLOAD",
        /// The descriptor was received and is valid.
        Received = "RECEIVED",
        /// The descriptor was uploaded.
        Uploaded = "UPLOADED",
        /// The descriptor was received but isn't used (older tors).
        Ignore = "IGNORE",
        /// A fetch or an upload failed.
        Failed = "FAILED",
        /// The service created a new descriptor.
        Created = "CREATED",
    }
}

open_enum! {
    /// The reason why a fetch or an upload failed.
    pub enum HsDescReason {
        /// The received descriptor is invalid.
        BadDesc = "BAD_DESC",
        /// The directory refused the query.
        QueryRejected = "QUERY_REJECTED",
        /// The directory refused the upload.
        UploadRejected = "UPLOAD_REJECTED",
        /// The directory doesn't have the descriptor.
        NotFound = "NOT_FOUND",
        /// A fetch or an upload failed for a reason that isn't in this list.
        Unexpected = "UNEXPECTED",
        /// No directory could be queried (older tors).
        QueryNoHsdir = "QUERY_NO_HSDIR",
        /// The descriptor was queried too often (older tors).
        QueryRateLimited = "QUERY_RATE_LIMITED",
    }
}
