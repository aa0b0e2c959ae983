"""The rules document of a tenant: parse (`document`), check (`validate`), compile to engine tables (`compile`)."""
